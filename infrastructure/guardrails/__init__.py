"""Guardrails around the model port: what goes in, what comes out, and what is done about it, for each task."""
