"""Who calls an agent's HTTP API, what they may do there, and what they did: tokens of an issuer, API keys, roles, the audit trail."""
