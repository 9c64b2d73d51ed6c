"""A request that is answered here while its command waits in the broker, on the stand-ins."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from cli.local.provision.run import Programs
from domain import json
from tests.e2e.stand_ins import StandIns
from tests.e2e.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.stores, pytest.mark.timeout(900)]

BUS = 3901


@pytest.fixture(scope="module")
def system(
    programs: Programs, outside: StandIns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    assert programs.daprd is not None
    system = System(
        tmp_path_factory.mktemp("run"), AGENTS_COMPONENTS="azure-stand-ins", **outside.environment
    )
    try:
        system.up()
        yield system
    finally:
        system.down()


def subscription(system: System, path: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{BUS + system.offset}/subscriptions"
    with urllib.request.urlopen(url, timeout=5) as response:
        found: dict[str, Any] = json.parse(response.read())[path]
    return found


def test_a_request_that_takes_long_uses_up_no_deliveries(system: System, outside: StandIns) -> None:
    """It runs here, and its command is delivered meanwhile: that delivery is held, for as long as the work takes."""
    name = f"long-{uuid4().hex[:8]}"
    path = "agents.testplanning.execution.requested/Subscriptions/test-planning"
    before = subscription(system, path)["counts"].get("abandoned", 0)
    outside.model_delay = 10.0
    try:
        ask(system, name)
        eventually(lambda: subscription(system, path)["locked"] == 0, 120)
    finally:
        outside.model_delay = 0.0
    eventually(lambda: outside.posts_of(name), 120)
    assert subscription(system, path)["counts"].get("abandoned", 0) == before


def ask(system: System, name: str) -> None:
    """Sent again under its key until it is accepted, as a caller does."""
    body = {"feature_title": name, "description": "Anything."}
    headers = {"X-Correlation-ID": name, "Prefer": "respond-async", "Idempotency-Key": name}

    def accepted() -> bool:
        with suppress(OSError):
            return system.post("test-planning", "generate-spec", body, headers)[0] in {200, 202}
        return False

    eventually(accepted, 120)
