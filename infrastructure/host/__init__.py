"""One agent as a service: settings, the composition root, the HTTP API. Names no agent: `python -m infrastructure.host agents.notification:AGENT`."""
