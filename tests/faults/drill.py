"""The disaster drill: the machine dies under load, with or without its disk, and comes back; the loss is counted outside.

    python -m tests.faults.drill [disk-survives | disk-lost] [--executions N] [--chains N] [--json]

Chains flow all the while, also while nothing is there to take them. A third of CHAINS is through when the model becomes slow;
a third is accepted and waits for it when the backup is taken, a third is accepted after that. Then everything is killed at
once. `disk-survives`: the append-only file is there (`appendfsync always`), and `agents up` goes on. `disk-lost`: the data are
gone; `agents restore`, `agents up`. What was accepted before the backup must come through; what was accepted after it is lost,
and every one of those is known by name.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from pydantic import BaseModel

from cli.local.redis import Redis, backlog
from tests.faults.components import COMPONENTS, Broker
from tests.faults.components.redis import PORT, RedisBroker
from tests.faults.field import Field
from tests.faults.figures import Targets
from tests.faults.rows.row import Row
from tests.faults.suite import Suite, suite

KINDS = ("disk-survives", "disk-lost")
RPO, RTO = 15 * 60.0, 5 * 60.0
"""Seconds: what is asked of every recovery (under 15 minutes), and our own of the time it takes."""
SLOW = (600.0, 600.0)
"""Seconds of the model's answers while work is to wait."""
USUAL = (0.05, 0.3)
RATE = 20.0
"""Chains a second: few enough that what is published while nothing is there to take it does not hide the rest."""
PATIENCE = 600
"""Seconds for what has an end: more than any target, so that a miss is measured."""
_AT_ONCE = 2_000
SETTINGS = {"AGENTS_REDIS_APPENDFSYNC": "always", "AGENTS_REDIS_MAXMEMORY": "4gb"}


class Loss(BaseModel):
    """`lost`: chains whose event the broker had accepted and whose result never came; `lost_seconds` is how long before the
    disaster the first of them was accepted. `first` and `last`: seconds from the disaster until the first and the last result
    of what was waiting then; `backup` and `restore`: how long the commands took. All of it counted outside.
    """

    kind: str
    executions: int
    accepted: int = 0
    waiting: int = 0
    came: int = 0
    lost: int = 0
    lost_before_the_backup: int = 0
    lost_seconds: float = 0.0
    lost_names: list[str] = []
    first: float | None = None
    last: float | None = None
    backup: float | None = None
    restore: float | None = None
    up: float | None = None
    megabytes: float | None = None
    documents: int = 0

    @property
    def misses(self) -> list[str]:
        """What is more than may be: for whoever measures, not for tests on a busy machine."""
        found = []
        if self.lost_seconds > RPO:
            found.append(f"work of {self.lost_seconds:.0f} s is lost, {RPO:.0f} may be")
        if self.last is None or self.last > RTO:
            found.append(f"the last result came after {self.last} s, {RTO:.0f} may pass")
        return found


def drill(kind: str, executions: int, losses: list[Loss]) -> Row:
    """As a row of the fault suite; what it found is appended to `losses`."""
    attack = partial(_disaster, loss=Loss(kind=kind, executions=executions), losses=losses)
    return Row(
        kind, f"the machine dies, {kind.replace('-', ' ')}", attack, targets=Targets(lost=None, back=None)
    )


async def _disaster(field: Field, loss: Loss, losses: list[Loss]) -> None:
    part = len(field.markers) // 3
    backup = field.system.project / "backups" / field.run
    taken = float("inf")
    async with field.flow(RATE):
        await _reached(lambda: field.done() >= part, "the first chains")
        loss.documents = await _seed(field.broker, loss.executions)
        field.outside.behave(delay=SLOW)
        await _accepted(field, part)
        await _reached(lambda: _left(field) >= part, "waiting for the model")
        if loss.kind == "disk-lost":
            began = taken = time.monotonic()
            made = await asyncio.to_thread(field.system.agents, "backup", str(backup), patience=PATIENCE)
            loss.backup, loss.megabytes = time.monotonic() - began, made["size"] / 2**20
        await _accepted(field, part)
        died = time.monotonic()
        await asyncio.to_thread(field.system.destroy, data=loss.kind == "disk-lost")
        gone = time.monotonic()  # what was answered until now, the old Redis answered
        accepted = {field.markers[number]: at for number, at in field.published.items() if at < gone}
        field.outside.behave(delay=USUAL)
        if loss.kind == "disk-lost":
            began = time.monotonic()
            await asyncio.to_thread(field.system.agents, "restore", str(backup), patience=PATIENCE)
            loss.restore = time.monotonic() - began
        began = time.monotonic()
        await asyncio.to_thread(field.system.begin_again, PATIENCE)
        loss.up = time.monotonic() - began
        field.fault_ended()
    _compare(field, loss, accepted, died, taken)
    field.note(told(loss))
    losses.append(loss)


def _compare(field: Field, loss: Loss, accepted: dict[str, float], died: float, taken: float) -> None:
    effects: dict[str, float] = field.outside.figures(field.run, field.made)["first_effects"]
    waiting = {name for name in accepted if effects.get(name, died) >= died}
    came = sorted(effects[name] - died for name in waiting if name in effects)
    lost = sorted(waiting - set(effects))
    loss.accepted, loss.waiting, loss.came, loss.lost = len(accepted), len(waiting), len(came), len(lost)
    loss.lost_names = lost
    if came:
        loss.first, loss.last = came[0], came[-1]
    if lost:
        loss.lost_seconds = died - min(accepted[name] for name in lost)
    early = [name for name in lost if accepted[name] < taken]
    loss.lost_before_the_backup = len(early)
    if early:
        field.problem(
            f"lost, though accepted before the backup or on a disk that survived: {', '.join(early[:10])}"
        )
    after = [name for name in field.markers if name not in accepted]
    if missing := [name for name in after if name not in effects]:
        field.problem(f"lost, though published after it was back: {', '.join(missing[:10])}")
    if not came:
        field.problem("nothing waited for the system to be back: the drill proves nothing")
    if loss.kind == "disk-lost" and not lost:
        field.problem("nothing was accepted after the backup: the drill proves nothing")


async def _accepted(field: Field, more: int) -> None:
    until = len(field.published) + more
    await _reached(lambda: len(field.published) >= until, f"{more} more chains accepted")


async def _reached(check: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(check):
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        await asyncio.sleep(0.1)


def _left(field: Field) -> int:
    """Messages that some agent has not acknowledged yet."""
    with Redis("127.0.0.1", PORT + field.system.offset) as redis:
        return sum(entry["pending"] + entry["waiting"] for entry in backlog(redis))


async def _seed(broker: Broker, executions: int) -> int:
    """As many finished executions as wanted, as the runtime wrote one: claim, outcome, mark. How many documents that are."""
    assert isinstance(broker, RedisBroker)
    redis = broker.client
    templates: list[tuple[str, bytes, int]] = []
    async for key in redis.scan_iter("implementation||execution:*", count=1000):
        identity = key.decode().rpartition(":")[2]
        names = [f"implementation||{kind}:{identity}" for kind in ("claim", "execution", "published")]
        dumps = [await redis.dump(name) for name in names]
        templates = [
            (name, dump, await redis.pttl(name)) for name, dump in zip(names, dumps, strict=True) if dump
        ]
        if len(templates) == len(names):
            break
    assert len(templates) == 3, "no finished execution to copy"
    for start in range(0, executions, _AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for _ in range(
            min(_AT_ONCE, executions - start)
        ):  # `replace`: an answer may be lost, and all of it sent again
            identity = str(uuid4())
            for name, dump, ttl in templates:
                pipeline.restore(f"{name.rpartition(':')[0]}:{identity}", max(ttl, 0), dump, replace=True)
        await pipeline.execute()
    return executions * len(templates)


async def drills(kinds: list[str], executions: int, chains: int, running: Suite) -> list[Loss]:
    losses: list[Loss] = []
    for kind in kinds:
        figures = await running.run(drill(kind, executions, losses), chains=chains, seed=1)
        assert not figures.problems, str(figures)
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.drill",
        description="Kill the machine under load, bring it back, count the loss.",
    )
    parser.add_argument(
        "kinds", nargs="*", metavar="DRILL", help=f"of {', '.join(KINDS)}; all when none is named"
    )
    parser.add_argument(
        "--executions", type=int, default=100_000, help="finished ones that are kept (default 100000)"
    )
    parser.add_argument("--chains", type=int, default=900, help="accepted before the disaster (default 900)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"no such drill: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    os.environ.update(SETTINGS)
    losses = asyncio.run(_run(arguments.kinds or [*KINDS], arguments.executions, arguments.chains))
    if arguments.json:
        sys.stdout.write(json.dumps([loss.model_dump() for loss in losses], indent=2) + "\n")
    else:
        for loss in losses:
            sys.stdout.write(told(loss) + "\n")
    if misses := [f"{loss.kind}: {miss}" for loss in losses for miss in loss.misses]:
        sys.stderr.write("FAILED: " + "\nFAILED: ".join(misses) + "\n")
        sys.exit(1)


def told(loss: Loss) -> str:
    numbers = (
        f"{loss.accepted} chains accepted, {loss.waiting} of them waiting, {loss.came} came, {loss.lost} lost"
    )
    lines = [
        f"{loss.kind}: {numbers}, with {loss.executions:,} executions ({loss.documents:,} documents) kept"
    ]
    if loss.backup is not None and loss.restore is not None and loss.megabytes is not None:
        lines.append(f"  backup {loss.backup:.1f} s, {loss.megabytes:.0f} MiB; restore {loss.restore:.1f} s")
    if loss.lost:
        lines.append(
            f"  RPO: what was accepted in the last {loss.lost_seconds:.1f} s: {', '.join(loss.lost_names[:3])}, …"
        )
    else:
        lines.append("  RPO: 0")
    if loss.first is not None and loss.last is not None:
        after = f"first result {loss.first:.1f} s after the disaster, last {loss.last:.1f} s"
        lines.append(f"  RTO: up again in {loss.up:.1f} s; {after}")
    return "\n".join(lines)


async def _run(kinds: list[str], executions: int, chains: int) -> list[Loss]:
    def say(text: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    async with suite(1, say, COMPONENTS["redis"]) as running:
        return await drills(kinds, executions, chains, running)


if __name__ == "__main__":
    main()
