"""Processes that die, freeze or are restarted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress

from tests.faults.field import Field
from tests.faults.figures import Targets
from tests.faults.rows.row import Row
from tests.faults.system import Options

PAUSE = (0.5, 3.0)
FROZEN = 6.0
"""Seconds: three leases."""


async def apps_killed(field: Field) -> None:
    async with field.load():
        while field.publishing:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            field.kill(field.rng.choice(field.system.apps()))
    await field.working_again()


async def sidecars_killed(field: Field) -> None:
    async with field.load():
        while field.publishing:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            field.kill(f"{field.rng.choice(field.system.apps())}.daprd")
    await field.working_again()


async def pairs_killed(field: Field) -> None:
    async with field.load():
        while field.publishing:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            app = field.rng.choice(field.system.apps())
            field.kill(app, f"{app}.daprd")
    await field.working_again()


async def apps_frozen(field: Field) -> None:
    """One replica of each agent stops beyond its lease, wakes with its work in hand, and so on until the load ends."""
    async with field.load():
        while field.publishing:
            await asyncio.sleep(field.rng.uniform(*PAUSE))
            names = [
                field.rng.choice(field.system.apps(agent)) for agent in ("implementation", "notification")
            ]
            pids = field.system.signal(signal.SIGSTOP, *names)
            await asyncio.sleep(FROZEN)
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            field.fault_ended()


async def apps_frozen_and_replaced(field: Field) -> None:
    """The supervisor replaces what is frozen, so SIGCONT finds nobody: what it ends is counted as a kill."""
    before = {name: one["restarts"] for name, one in field.system.status().items()}
    await apps_frozen(field)
    await field.working_again()
    for name, one in field.system.status().items():
        field.system.kills[name] += one["restarts"] - before[name]
    if sum(field.system.kills.values()) == 0:
        field.problem("the supervisor replaced no frozen process")


async def rolling_restart(field: Field) -> None:
    """One after the other, the next when the one before is ready; round and round, each at least once."""
    turn = 0
    names = field.system.apps()
    async with field.load():
        while field.publishing or turn < len(names):
            await restart(field, names[turn % len(names)])
            turn += 1


async def restart(field: Field, name: str, patience: float = 15) -> None:
    """Ask it to end, and wait until its successor works."""
    (pid,) = field.system.signal(signal.SIGTERM, name)
    asked = time.monotonic()
    await field.until(lambda: field.system.status()[name]["pid"] != pid, max(patience, 60))
    field.fault_ended()
    ended = field.system.status()[name]["last_exit"] or ""
    if not ended.startswith("exit code 0"):
        field.problem(f"{name} ended {time.monotonic() - asked:.1f} s after SIGTERM by {ended}")
    await field.working_again(patience)


KILLS = [
    Row("a", "SIGKILL of an app every 0.5 to 3 s", apps_killed),
    Row(
        "a-push",
        "the same with delivery by push",
        apps_killed,
        Options(delivery="push"),
        Targets(lost=None),
        "the sidecar acknowledges pushed events that the app never got (ADR 0003): losses are shown, not forbidden",
    ),
    Row(
        "a-mail",
        "the same, notifications by mail",
        apps_killed,
        Options(channel="mail"),
        Targets(repeated_effects=False),
        "SMTP cannot know a mail again: a kill between the server's answer and the record sends it twice, under one Message-ID",
    ),
    Row("b", "SIGKILL of a sidecar every 0.5 to 3 s", sidecars_killed),
    Row("c", "SIGKILL of an app and its sidecar every 0.5 to 3 s", pairs_killed),
    Row(
        "d",
        "SIGSTOP of two apps for three leases, then SIGCONT; nobody replaces them",
        apps_frozen,
        Options(freeze_detection=False),
    ),
    Row("d-replaced", "the same with the supervisor's freeze detection", apps_frozen_and_replaced),
    Row("e", "rolling SIGTERM restarts of all replicas", rolling_restart),
]
