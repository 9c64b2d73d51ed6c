from __future__ import annotations

import pytest

from infrastructure.identity.addresses import is_safe
from infrastructure.identity.caller import LOCAL, SIDECAR
from infrastructure.identity.roles import PERMISSIONS, PRIVILEGED, Permission, permissions_of, roles_with


def test_the_table_of_roles() -> None:
    """Written out: whoever changes what a role may, changes it here, too."""
    reading = {"read-agent", "read-executions", "read-prompts"}
    developing = reading | {"run-tasks", "score-executions", "try-prompts"}
    operating = developing | {"settle-dead-letters", "release-prompts"}
    assert {role.value: {one.value for one in allowed} for role, allowed in PERMISSIONS.items()} == {
        "Agents.Viewer": reading,
        "Agents.Developer": developing,
        "Agents.Operator": operating,
        "Agents.Admin": operating | {"read-audit"},
    }


def test_every_permission_is_given_by_some_role() -> None:
    assert permissions_of(PERMISSIONS) == frozenset(Permission)
    assert roles_with(Permission.READ_AUDIT) == ["Agents.Admin"]
    assert permissions_of([]) == frozenset()


def test_the_sidecar_can_do_nothing_that_is_privileged() -> None:
    assert not SIDECAR.permissions & PRIVILEGED
    assert Permission.READ_AUDIT not in SIDECAR.permissions
    assert LOCAL.permissions == frozenset(Permission)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://login.microsoftonline.com/x/v2.0", True),
        ("https://[2001:db8::1]:8443/", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost/x", True),
        ("http://[::1]:1/", True),
        ("http://login.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("https://me:secret@login.example", False),
        ("https://", False),
        ("https:login.example", False),
        ("https://a b", False),
        ("https://a\n", False),
        ("https://a:0", False),
        ("https://a:99999", False),
        ("https://[", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1", False),
        ("", False),
    ],
)
def test_which_addresses_may_be_believed(url: str, safe: bool) -> None:
    assert is_safe(url) is safe
