"""The vocabulary of the platform: events, executions, prompts, ports, errors. Knows the standard library and pydantic only."""
