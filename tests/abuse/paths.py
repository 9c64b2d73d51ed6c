"""Paths that lead somewhere else than they seem to, for nobody in particular, for a Viewer and for an Admin."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import cycle

from tests.abuse.credentials import JSON, NOBODY, ROOT, TICKET
from tests.abuse.field import Field
from tests.abuse.wire import request

CLOSED_TO_ALL: tuple[str, ...] = (
    f"/healthz/..{ROOT}/open-ticket",
    f"/healthz/%2e%2e{ROOT}/open-ticket",
    f"/healthz%2f..{ROOT}/open-ticket",
    f"/healthz;{ROOT}/open-ticket",
    f"/readyz%00{ROOT}/open-ticket",
    "/healthz/",
    "//healthz",
    "/./healthz",
    "/healthz%20",
    "/HEALTHZ",
    "/healthz%00",
    f"/{ROOT}/open-ticket",
    "/api//service-desk/open-ticket",
    f"{ROOT}//open-ticket",
    f"{ROOT}/open-ticket/",
    f"{ROOT}/open-ticket/.",
    f"{ROOT}/./open-ticket",
    f"{ROOT}/x/../open-ticket",
    f"{ROOT}/open-ticket%00",
    f"{ROOT}/open-ticket%20",
    f"{ROOT}/open-ticket;a=b",
    f"{ROOT}/OPEN-TICKET",
    "/API/SERVICE-DESK/open-ticket",
    f"{ROOT}%2fopen-ticket%2f",
    f"{ROOT}/open%252dticket",
    f"{ROOT}\\open-ticket",
    f"{ROOT}/..%5copen-ticket",
    "/api/service-desk%2e/open-ticket",
    f"{ROOT}/executions/..%2f..%2faudit",
    f"{ROOT}/executions/{NOBODY}%00",
    f"{ROOT}/executions/%2e%2e",
    f"{ROOT}/executions/*",
    f"{ROOT}/entities/supportticket/..%2f..%2fclaim",
    f"{ROOT}/entities/claim/{NOBODY}",
    f"{ROOT}/entities/../executions",
    f"{ROOT}/prompts/..%2f..%2f..%2fetc%2fpasswd",
    f"{ROOT}/prompts/....//....//etc/passwd",
    "/api/devops/tasks",
    "/api/notification/compose",
    "/api/service-desk2/tasks",
    "/api/servicedesk/tasks",
    "/docs/../../etc/passwd",
    "/static/..%c0%af..%c0%afetc/passwd",
    "/.env",
    "/.git/config",
    "/server-status",
    "/v1.0/invoke/devops/method/healthz",
    "/v1.0/state/agents-statestore/x",
    "/nonsense%0d%0aX-Injected:%20yes",
    f"{ROOT}/executions/%0d%0aX-Injected:%20yes",
    "/%ff%fe",
    "/%",
    "/%zz",
    "/" + "../" * 200 + "etc/passwd",
    "/" + "a/" * 5000,
    "/?" + "x" * 20000,
    f"http://evil.example{ROOT}/nonsense",
    "http://127.0.0.1:6379/",
    "https://user:pass@evil.example/nonsense",
    "file:///etc/passwd",
    "*",
)
"""None of them is a route: whoever asks."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "HEAD")


def of_nobody(_: Field, chance: random.Random) -> Iterator[bytes]:
    """None is open, as those of probes are."""
    return _odd(chance, list)


def of_callers(field: Field, chance: random.Random) -> Iterator[bytes]:
    """None is a route, whatever one may do."""

    def credentials() -> list[str]:
        return [
            f"Authorization: Bearer {field.any_of(chance.choice(('Viewer', 'Developer', 'Admin')), chance)}"
        ]

    return _odd(chance, credentials)


def _odd(chance: random.Random, credentials: Callable[[], list[str]]) -> Iterator[bytes]:
    for path in cycle(CLOSED_TO_ALL):
        method = chance.choice(METHODS) if chance.random() < 0.3 else chance.choice(("GET", "POST"))
        yield request(method, path, JSON, *credentials(), body=TICKET if method == "POST" else b"")
