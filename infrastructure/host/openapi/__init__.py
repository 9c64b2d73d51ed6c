"""What OpenAPI says of an agent."""
