"""Proofs of what is in deploy/ that need no cluster: `make verify-deploy`."""
