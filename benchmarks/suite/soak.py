"""100,000 events through ours: whether it is as fast and as small at the end as at the beginning."""

from __future__ import annotations

import asyncio
import statistics
import time
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.contenders import CONTENDERS
from benchmarks.suite.command import together
from benchmarks.suite.field import Field, field
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import Soak
from benchmarks.suite.world import APP_ID, Redelivery
from cli.local.redis import Redis, condition, streams
from cli.local.trimming import keep_trimmed

OUTSTANDING = 256
"""More than one sidecar delivers at a time, so that it is never idle, and little enough to be a backlog of a moment."""
EVERY = 1.0
WARM_UP = 500
PATIENCE = 60.0


@dataclass(frozen=True)
class Sample:
    at: int
    rss_mb: float
    redis_mb: float
    stream_entries: int


async def run_soak(programs: Programs, events: int, say: Callable[[str], None]) -> Soak:
    async with field(programs, CONTENDERS["ours"], Redelivery.SHIPPED) as ground:
        await ground.start_apps(WARM_UP)
        samples: list[Sample] = []
        async with together() as group:
            # As `agents up` does, which this takes the place of.
            trimming = group.create_task(
                keep_trimmed(ground.world.redis_port, {APP_ID}, wanted=lambda: True, say=say)
            )
            sampling = group.create_task(_sample(ground, events, samples, say))
            await ground.outside.loop("soak", events, OUTSTANDING)
            summary = await ground.outside.seen("soak", events, PATIENCE)
            trimming.cancel()
            sampling.cancel()
        times = await ground.outside.times("soak")
        begun, seen = min(at for at in times.sent if at), sorted(at for at in times.seen if at)
        tenths = rates(begun, seen, 10)
        done = [bisect(seen, sample.at) for sample in samples]
        return Soak(
            events=events,
            tenths=[round(rate, 1) for rate in tenths],
            last_to_first=round(tenths[-1] / tenths[0], 3),
            rss_mb=[round(sample.rss_mb, 1) for sample in samples],
            rss_slope_mb_per_10k=round(10_000 * slope(done, [s.rss_mb for s in samples], events // 10), 3),
            redis_mb=[round(sample.redis_mb, 1) for sample in samples],
            redis_kb_per_event=round(1000 * slope(done, [s.redis_mb for s in samples], events // 10), 2),
            stream_entries_most=max(sample.stream_entries for sample in samples),
            lost=summary.sent - summary.seen,
            doubled=summary.doubled,
            repeated=summary.repeated,
        )


async def _sample(ground: Field, events: int, samples: list[Sample], say: Callable[[str], None]) -> None:
    try:
        with Redis("127.0.0.1", ground.world.redis_port) as redis:
            found = streams(redis)
            while True:
                entries = [int(redis.ask("XLEN", stream)) for stream in found]
                used = condition(redis).used_bytes / 1e6
                samples.append(Sample(time.time_ns(), ground.rss_mb()["app"], used, max(entries)))
                seen = (await ground.outside.seen("soak", events, 0)).seen
                say(f"{seen:,} of {events:,} events, {samples[-1].rss_mb:.0f} MB, Redis {used:.0f} MB")
                await asyncio.sleep(EVERY)
    except OSError as error:
        raise ground.world.redis.failure(f"does not answer ({error})") from error


def rates(begun: int, seen: Sequence[int], parts: int) -> list[float]:
    """Events/s of each equal part of the events, by when they came out (ns, ascending)."""
    bounds = [round(len(seen) * part / parts) for part in range(parts + 1)]
    ends = [begun, *(seen[bound - 1] for bound in bounds[1:])]
    return [
        (bounds[part + 1] - bounds[part]) / ((ends[part + 1] - ends[part]) / 1e9) for part in range(parts)
    ]


def slope(done: Sequence[int], values: Sequence[float], after: int) -> float:
    """Change per event, least squares, without the first events, while caches fill."""
    pairs = [(at, value) for at, value in zip(done, values, strict=True) if at >= after]
    if len({at for at, _ in pairs}) < 2:
        return 0.0
    return statistics.linear_regression(*zip(*pairs, strict=True)).slope
