"""Loading a field and reading what that cost."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from benchmarks.capacity.results import Load
from benchmarks.suite.field import Field
from benchmarks.suite.measure import AFTERWARDS
from benchmarks.suite.outside import TEMPLATE, Times
from cli.local.redis import Redis

PATIENCE = 30.0
"""Seconds without any movement, a cold start among them, after which nobody waits any longer."""
WARM_UP = 200
UNBOUNDED = 100_000
"""Events of a loop that ends by the clock: more than any agent carries in its time."""
READS, WRITES = ("hgetall",), ("eval", "evalsha")
"""Redis' commands in which daprd reads and writes a document."""
Spent = Mapping[str, float]


async def start(grounds: Mapping[str, Field], events: int = WARM_UP) -> None:
    """All apps up, every replica warm; by the event that each takes."""
    for ground in grounds.values():
        for pair in ground.pairs:
            pair.start_app()
    for template, ground in grounds.items():
        await ground.flow("up", 1, PATIENCE, template=template)  # the first app is there
    pairs = sum(len(ground.pairs) for ground in grounds.values())
    await asyncio.sleep(1.0 if pairs == 1 else 3.0)  # so are the others
    for template, ground in grounds.items():
        await ground.flow("warm", events * len(ground.pairs), PATIENCE, template=template)
    await asyncio.sleep(AFTERWARDS)


async def loop(
    ground: Field,
    run: str,
    outstanding: int,
    *,
    events: int = UNBOUNDED,
    seconds: float = 0,
    model_ms: float = 0,
    template: str = TEMPLATE,
) -> Load:
    """Never more than `outstanding` inside; until all events were offered, or the time is over."""
    (load,) = await loops(
        {template: ground}, run, outstanding, events=events, seconds=seconds, model_ms=model_ms
    )
    return load


async def loops(
    grounds: Mapping[str, Field],
    run: str,
    outstanding: int,
    *,
    events: int = UNBOUNDED,
    seconds: float = 0,
    model_ms: float = 0,
) -> list[Load]:
    """The same loop in several fields of one world at a time, by their events. What Redis did is divided evenly."""
    fields = list(grounds.values())
    for ground in fields:
        await ground.outside.model(model_ms)
    before, began = [_spent(ground) for ground in fields], time.monotonic()

    async def drive(template: str, ground: Field) -> int:
        how = {"spread_s": model_ms / 1000, "seconds": seconds}
        summary = await ground.outside.loop(run, events, outstanding, template=template, **how)
        await ground.missing(run, summary.sent, PATIENCE)
        return summary.sent

    sent = await asyncio.gather(*(drive(template, ground) for template, ground in grounds.items()))
    lasted, during = time.monotonic() - began, [_spent(ground) for ground in fields]
    await asyncio.sleep(AFTERWARDS)  # what follows the last event out: acknowledgement and mark
    return [
        await _result(ground, run, count, before=first, during=middle, lasted=lasted, sharing=len(fields))
        for ground, count, first, middle in zip(fields, sent, before, during, strict=True)
    ]


async def _result(
    ground: Field, run: str, events: int, *, before: Spent, during: Spent, lasted: float, sharing: int
) -> Load:
    spent, busy = _since(before, _spent(ground)), _since(before, during)
    per_event = {what: value / events for what, value in spent.items()}
    memory = ground.rss_mb()
    return Load(
        events=events,
        events_per_second=round(flowing(await ground.outside.times(run)), 1),
        app_cpu_ms=round(per_event["app"], 3),
        sidecar_cpu_ms=round(per_event["sidecar"], 3),
        redis_cpu_ms=round(per_event["redis"] / sharing, 3),
        cores=round(
            (busy["app"] + busy["sidecar"] + busy["outside"] + busy["redis"] / sharing) / 1000 / lasted, 2
        ),
        app_mb=round(memory["app"], 1),
        sidecar_mb=round(memory["sidecar"], 1),
        in_flight_most=await ground.outside.in_flight_most(),
        reads=round(per_event["reads"] / sharing, 2),
        writes=round(per_event["writes"] / sharing, 2),
    )


def flowing(times: Times) -> float:
    """Events/s out while events go in: after the first quarter of that time, which fills the pipes."""
    sent = [at for at in times.sent if at]
    first, last = min(sent), max(sent)
    window = first + (last - first) / 4, last
    came = sum(window[0] <= at < window[1] for at in times.seen)
    return came / ((window[1] - window[0]) / 1e9)


async def p50_ms(ground: Field, run: str, events: int, rate: float, template: str = TEMPLATE) -> float:
    """At a rate that leaves everything idle in between, the model answering at once."""
    await ground.outside.model(0)
    await ground.outside.pace(run, events, rate, template=template)
    await ground.missing(run, events, PATIENCE)
    times = await ground.outside.times(run)
    return round(
        statistics.median(
            (seen - sent) / 1e6 for sent, seen in zip(times.sent, times.seen, strict=True) if seen
        ),
        2,
    )


async def idle_cores(grounds: Sequence[Field], seconds: float) -> float:
    """Of apps and sidecars that have nothing to do."""
    before = [_spent(ground) for ground in grounds]
    await asyncio.sleep(seconds)
    spent = [_since(one, _spent(ground)) for ground, one in zip(grounds, before, strict=True)]
    return round(sum(one["app"] + one["sidecar"] for one in spent) / 1000 / seconds, 4)


def _spent(ground: Field) -> Spent:
    """So far: CPU in ms by role, and what Redis was asked."""
    calls = commands(ground.world.redis_port)
    return {
        **ground.cpu_ms(),
        "reads": sum(calls[name] for name in READS),
        "writes": sum(calls[name] for name in WRITES),
    }


def _since(before: Spent, now: Spent) -> Spent:
    return {what: now[what] - before[what] for what in now}


def commands(port: int) -> Counter[str]:
    """How often Redis was asked what, since it began: `cmdstat_eval:calls=7,usec=…`."""
    with Redis("127.0.0.1", port) as redis:
        told = str(redis.ask("INFO", "commandstats"))
    found = Counter[str]()
    for line in told.splitlines():
        if line.startswith("cmdstat_"):
            name, _, figures = line.removeprefix("cmdstat_").partition(":")
            found[name] = int(figures.partition("=")[2].partition(",")[0])
    return found
