"""Kills, ends, outages and throttling amid many chains, on the stand-ins: nothing is lost, nothing done twice under two
identities, and no good event ends in the broker's own dead letters.
"""

from __future__ import annotations

import os
import random
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from cli.local import control
from cli.local.instance import Instance
from cli.local.provision.run import Programs
from domain import json
from tests.e2e.stand_ins import StandIns
from tests.e2e.system import System, eventually
from tests.integration.local.project import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.stores, pytest.mark.timeout(400)]

REPLICAS = "implementation=3,notification=2"
CHAINS, RATE, STRIKES = 200, 15, 6
"""Chains, those that begin in a second, and how often something is done to them meanwhile."""
BUS, STORE = 3901, 3902


@pytest.fixture(scope="module")
def system(
    programs: Programs, outside: StandIns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    assert programs.daprd is not None
    system = System(
        tmp_path_factory.mktemp("run"),
        AGENTS_COMPONENTS="azure-stand-ins",
        AGENTS_REPLICAS=REPLICAS,
        **outside.environment,
    )
    try:
        system.up()
        yield system
    finally:
        system.down()


def fault(system: System, port: int, path: str) -> None:
    url = f"http://127.0.0.1:{port + system.offset}{path}"
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=5).close()


def subscriptions(system: System) -> dict[str, dict[str, Any]]:
    url = f"http://127.0.0.1:{BUS + system.offset}/subscriptions"
    with urllib.request.urlopen(url, timeout=5) as response:
        found: dict[str, dict[str, Any]] = json.parse(response.read())
    return found


def signals(system: System, number: signal.Signals, suffix: str) -> Callable[[random.Random], None]:
    """To one of the processes at work that are called so."""

    def send(rolls: random.Random) -> None:
        # Of the supervisor itself: a command takes a second, in which the work is done that was meant.
        there = control.ask(Instance(ROOT, system.run, system.offset, system.env), "status")["services"]
        pids = [
            one["pid"]
            for one in there
            if one["name"].startswith(("implementation", "notification"))
            and one["name"].endswith(".daprd") == bool(suffix)
            and one["pid"]
        ]
        with suppress(ProcessLookupError):
            os.kill(rolls.choice(pids), number)

    return send


ATTACKS: dict[str, Callable[[System], Callable[[random.Random], None]]] = {
    "apps killed": lambda system: signals(system, signal.SIGKILL, ""),
    "sidecars killed": lambda system: signals(system, signal.SIGKILL, ".daprd"),
    "apps ended": lambda system: signals(system, signal.SIGTERM, ""),
    "broker away": lambda system: lambda _: fault(system, BUS, "/faults/outage?seconds=2"),
    "locks lost": lambda system: lambda _: fault(system, BUS, "/faults/locks"),
    "store throttles": lambda system: (
        lambda _: fault(system, STORE, "/stand-in/faults?status=429&seconds=1.5")
    ),
    "store fails by halves": lambda system: (
        lambda _: fault(system, STORE, "/stand-in/faults?status=503&seconds=2&share=0.5")
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_chain_ends_in_one_notification(system: System, outside: StandIns, attack: str) -> None:
    rolls = random.Random(attack)
    names = [f"{attack.replace(' ', '-')}-{uuid4().hex[:8]}" for _ in range(CHAINS)]
    strike = ATTACKS[attack](system)
    outside.model_delay = 1.0
    in_work = []
    try:
        with ThreadPoolExecutor(8) as pool:
            asking = pool.submit(
                lambda: [one.result() for one in [paced(pool, system, name) for name in names]]
            )
            for _ in range(STRIKES):
                time.sleep(CHAINS / RATE / STRIKES)
                in_work.append(sum(one["locked"] for one in subscriptions(system).values()))
                strike(rolls)
            asking.result()
        eventually(lambda: all(outside.posts_of(name) for name in names), 120)
    finally:
        outside.model_delay = 0.0
    assert all(in_work), "the attack met no work"
    eventually(
        lambda: not any(one["waiting"] or one["locked"] for one in subscriptions(system).values()), 120
    )
    identities = {
        name: {headers["Idempotency-Key"] for headers, _ in outside.posts_of(name)} for name in names
    }
    assert {name: len(found) for name, found in identities.items() if len(found) != 1} == {}
    after = subscriptions(system)
    assert {path: one["dead_letters"] for path, one in after.items() if one["dead_letters"]} == {}


def test_a_request_that_takes_long_uses_up_no_deliveries(system: System, outside: StandIns) -> None:
    """It runs here, and its command is delivered meanwhile: that delivery is held, for as long as the work takes."""
    name, path = (
        f"long-{uuid4().hex[:8]}",
        "agents.testplanning.execution.requested/Subscriptions/test-planning",
    )
    before = subscriptions(system)[path]["counts"].get("abandoned", 0)
    outside.model_delay = 10.0
    try:
        ask(system, name)
        eventually(lambda: subscriptions(system)[path]["locked"] == 0, 120)
    finally:
        outside.model_delay = 0.0
    eventually(lambda: outside.posts_of(name), 120)
    assert subscriptions(system)[path]["counts"].get("abandoned", 0) == before


def paced(pool: ThreadPoolExecutor, system: System, name: str) -> Future[None]:
    time.sleep(1 / RATE)
    return pool.submit(ask, system, name)


def ask(system: System, name: str) -> None:
    """Sent again under its key until it is accepted, as a caller does."""
    body = {"feature_title": name, "description": "Anything."}
    headers = {"X-Correlation-ID": name, "Prefer": "respond-async", "Idempotency-Key": name}

    def accepted() -> bool:
        with suppress(OSError):
            return system.post("test-planning", "generate-spec", body, headers)[0] in {200, 202}
        return False

    eventually(accepted, 120)
