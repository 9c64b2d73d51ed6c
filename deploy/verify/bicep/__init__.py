"""Checks Bicep without its compiler, which no registry of Python, npm or Go has: names, modules' contracts, and types by
Azure's own type data. `python -m deploy.verify.bicep` needs nothing; the types come with `make verify-deploy`.
"""
