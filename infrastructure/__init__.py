"""Adapters for the ports of `domain`, a room each; `memory` holds an in-process twin of every one; `host` puts them together."""
