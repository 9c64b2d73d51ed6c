"""Prompts from a git repository at one commit: fetched once, kept by commit, the same offline.

    git+https://example.com/team/prompts.git@<40 hex digits>#prompts

A commit's name is the hash of all that it holds, so neither a branch that moves nor a server that lies changes what is
served. Git's own objects are kept; the files beside them are compared with them at every start.
"""
