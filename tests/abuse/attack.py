"""Everything at once, in an order that its seed fixes, with good callers beside it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import redis.asyncio

from tests.abuse import messages, slow
from tests.abuse.field import REDIS_PASSWORD, Field
from tests.abuse.good import Good
from tests.abuse.kinds import KINDS, Kind
from tests.abuse.ledger import Ledger, read_ledger
from tests.abuse.wire import Reply, ask
from tests.support.planted import found_in

SEED = 20261122
AT_ONCE = 24
CALLERS = 3
"""Who do nothing wrong, side by side."""
SETTLED = 90.0
"""Seconds for which the last good work is waited for."""


@dataclass
class Answers:
    """Of one kind; `unexpected` holds what was sent and answered where that was no refusal."""

    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: list[tuple[bytes, bytes]] = field(default_factory=list)

    def add(self, kind: Kind, shot: bytes, reply: Reply) -> None:
        self.statuses[reply.status] += 1
        right = reply.status in kind.answers and len(reply.statuses) <= 1 + kind.sentinel
        leaked = found_in(reply.raw, kind.name)
        if not right or leaked or b"\r\nX-Injected" in reply.raw or b"Traceback" in reply.raw:
            self.unexpected.append((shot[:2_000], reply.raw[:2_000]))


@dataclass
class Memory:
    """MiB of an agent: before, at its most, and afterwards."""

    before: float
    peak: float
    after: float


@dataclass
class Outcome:
    answers: dict[str, Answers]
    idle: Counter[int]
    slow_heads: Counter[int]
    slow_bodies: Counter[int]
    malformed: Counter[str]
    forbidden: Counter[str]
    refused: Counter[str]
    good: Good
    ledger: Ledger
    memory: dict[str, Memory]
    logs: dict[str, str]

    @property
    def count(self) -> int:
        """Of what was hostile."""
        requests = sum(one.statuses.total() for one in self.answers.values())
        connections = self.idle.total() + self.slow_heads.total() + self.slow_bodies.total()
        return requests + connections + self.malformed.total() + self.forbidden.total() + self.refused.total()


async def attack(place: Field) -> Outcome:
    pids = {"desk": place.desk.process.popen.pid, "pushed": place.pushed.process.popen.pid}
    before = {name: _resident(pid) for name, pid in pids.items()}
    good, over = Good(), asyncio.Event()
    steady = asyncio.gather(*(good.go_on(place, over, caller) for caller in range(CALLERS)))
    async with asyncio.TaskGroup() as group:
        answers = group.create_task(_requests(place))
        idle = group.create_task(slow.idle(place))
        heads = group.create_task(slow.slow_heads(place))
        bodies = group.create_task(slow.slow_bodies(place))
        malformed = group.create_task(messages.publish_malformed(place))
        forbidden = group.create_task(messages.publish_forbidden(place))
        refused = group.create_task(messages.ask_too_much(place))
    over.set()
    await steady
    await _until_settled(place)
    memory = {
        name: Memory(before[name], _resident(pid, "VmHWM"), _resident(pid)) for name, pid in pids.items()
    }
    logs = {"desk": place.desk.log, "pushed": place.pushed.log}
    ledger = await asyncio.to_thread(read_ledger, place)
    return Outcome(
        answers=answers.result(),
        idle=idle.result(),
        slow_heads=heads.result(),
        slow_bodies=bodies.result(),
        malformed=malformed.result(),
        forbidden=forbidden.result(),
        refused=refused.result(),
        good=good,
        ledger=ledger,
        memory=memory,
        logs=logs,
    )


async def _requests(place: Field) -> dict[str, Answers]:
    """All hostile requests, mixed, `AT_ONCE` at a time: the answers by kind."""
    chance = random.Random(SEED)
    shots = [(kind, shot) for kind in KINDS for shot in islice(kind.shots(place, chance), kind.count)]
    chance.shuffle(shots)
    answers = {kind.name: Answers() for kind in KINDS}

    async def fire() -> None:
        while shots:
            kind, shot = shots.pop()
            port = place.pushed.port if kind.pushed else place.desk.port
            answers[kind.name].add(kind, shot, await ask(port, [shot]))

    await asyncio.gather(*(fire() for _ in range(AT_ONCE)))
    return answers


async def _until_settled(place: Field) -> None:
    """Until every message of the broker is acknowledged: whatever became of it is recorded then."""
    async with (
        asyncio.timeout(SETTLED),
        redis.asyncio.Redis(port=place.redis.port, password=REDIS_PASSWORD) as client,
    ):
        while await _waiting(client):  # noqa: ASYNC110  # another process is looked into
            await asyncio.sleep(0.2)


async def _waiting(client: redis.asyncio.Redis) -> bool:
    """Whether an agent's group has entries that it has not read, or not acknowledged."""
    async for key in client.scan_iter(_type="stream"):
        for group in await client.xinfo_groups(key):
            if group["pending"] or group.get("lag"):
                return True
    return False


def _resident(pid: int, field_name: str = "VmRSS") -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field_name))
