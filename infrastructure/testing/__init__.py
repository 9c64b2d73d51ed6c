"""The kit for agent authors: whole agents and chains in memory. May import everything; only tests import it."""
