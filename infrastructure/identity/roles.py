"""What callers may do: the permissions of each role. The one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    READ_AGENT = "read-agent"  # its tasks, costs, metrics and OpenAPI document
    READ_EXECUTIONS = "read-executions"  # with inputs and outputs: events, entities and dead letters, too
    READ_PROMPTS = "read-prompts"  # with splits and figures
    RUN_TASKS = "run-tasks"
    SCORE_EXECUTIONS = "score-executions"
    TRY_PROMPTS = "try-prompts"  # runs a recorded execution again, without effect
    SETTLE_DEAD_LETTERS = "settle-dead-letters"  # replays and drops
    RELEASE_PROMPTS = "release-prompts"  # splits, promotes, rolls back
    READ_AUDIT = "read-audit"


class Role(StrEnum):
    """Values are those of the app roles that the issuer gives."""

    VIEWER = "Agents.Viewer"
    DEVELOPER = "Agents.Developer"
    OPERATOR = "Agents.Operator"
    ADMIN = "Agents.Admin"


_VIEWER: Final = frozenset({Permission.READ_AGENT, Permission.READ_EXECUTIONS, Permission.READ_PROMPTS})
_DEVELOPER: Final = _VIEWER | {Permission.RUN_TASKS, Permission.SCORE_EXECUTIONS, Permission.TRY_PROMPTS}
_OPERATOR: Final = _DEVELOPER | {Permission.SETTLE_DEAD_LETTERS, Permission.RELEASE_PROMPTS}

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.VIEWER: _VIEWER,
    Role.DEVELOPER: _DEVELOPER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _OPERATOR | {Permission.READ_AUDIT},
}

PRIVILEGED: Final = frozenset({Permission.SETTLE_DEAD_LETTERS, Permission.RELEASE_PROMPTS})
"""Whatever these allow leaves an audit record."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


def roles_with(permission: Permission) -> list[str]:
    """The roles that allow it, the least first."""
    return [role.value for role, allowed in PERMISSIONS.items() if permission in allowed]
