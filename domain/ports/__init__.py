"""What the platform needs from outside, as protocols. Each has an adapter in `infrastructure/` and a twin in `infrastructure/memory/`, under the same file name."""
