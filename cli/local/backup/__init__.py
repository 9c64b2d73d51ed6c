"""Backups of what the agents keep in Redis: a snapshot of one moment with a manifest, and how it becomes data again."""
