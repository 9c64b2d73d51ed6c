"""Who calls, once it is known; and why somebody is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infrastructure.identity.roles import Permission, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is what records say of them: `subjects/<subject>`, `keys/<id>`, `sidecar` or `local`."""

    name: str
    roles: tuple[Role, ...]
    permissions: frozenset[Permission]


class Refused(Exception):
    """Credentials that prove nothing. The text says why and what to do next, and never quotes them."""


LOCAL: Final = Caller("local", (), frozenset(Permission))
"""Whoever calls an agent that listens on loopback and asks for no login."""

SIDECAR: Final = Caller(
    "sidecar",
    (),
    frozenset({Permission.READ_AGENT, Permission.READ_EXECUTIONS, Permission.RUN_TASKS}),
)
"""Whoever shows APP_API_TOKEN: the agent's own sidecar, for other services that invoke it."""
