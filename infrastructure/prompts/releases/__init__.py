"""Releases: the lock that holds them, what a step of a version means, and how a draft becomes one."""
