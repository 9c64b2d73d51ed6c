"""The real runtime under a seeded scheduler that owns time, delivery, failure and death: `python -m tests.simulation --help`."""
