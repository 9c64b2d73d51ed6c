"""The limits, each met on purpose."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable

from benchmarks.capacity import publishing
from benchmarks.capacity.load import loop, start
from benchmarks.capacity.parts.payload import BULK, text
from benchmarks.capacity.parts.width import SEATS
from benchmarks.capacity.plan import Plan
from benchmarks.capacity.results import Limits, Publishing, Size, Topics
from benchmarks.capacity.room import bulk, many
from benchmarks.capacity.site import site
from benchmarks.contenders import CONTENDERS
from benchmarks.suite.field import Field, field
from benchmarks.suite.outside import TEMPLATE
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import ROOT
from benchmarks.suite.world import Redelivery, world
from cli.errors import CommandError
from cli.local.ports import free_ports
from cli.local.redis import Redis

SIZES = (900_000, 1_800_000, 1_950_000, 4_100_000, 4_300_000)
PASSED_ON = (600_000, 900_000, 1_050_000)
CAME_OUT = "came out"
MODEL_MS, OFFERED = 500, 256
CALLERS = (1, 64, 256)
WAIT = 20.0
TOPICS_EVENTS, TOPICS_WAIT = 50, 12.0
WIDE_SEAT = SEATS[-1]


def expected_s(plan: Plan) -> list[float]:
    return [
        8 + 1.5 * len(SIZES + PASSED_ON),
        4 + TOPICS_WAIT,
        6 + 2 * plan.seconds,
        4 + len(CALLERS) * plan.publish_events / 2000,
    ]


async def measure(programs: Programs, plan: Plan, say: Callable[[str], None]) -> Limits:
    say("sizes")
    sizes = await _sizes(programs)
    say("concurrency")
    async with field(programs, CONTENDERS["ours"], Redelivery.SHIPPED) as ground:
        await start({TEMPLATE: ground})
        crowd = await loop(ground, "crowd", OFFERED, seconds=plan.seconds, model_ms=MODEL_MS)
    say("topics")
    topics = await _topics(programs)
    say("publishing")
    return Limits(
        sizes=sizes,
        topics=topics,
        concurrency_offered=OFFERED,
        concurrency_in_flight=crowd.in_flight_most,
        publishing=await _publishing(programs, plan),
    )


async def _sizes(programs: Programs) -> list[Size]:
    found = []
    wanted = [(size, False) for size in SIZES] + [(size, True) for size in PASSED_ON]
    async with site(programs, [BULK]) as (ground,):
        await start({BULK.template(): ground}, events=20)
        for number, (size, passed_on) in enumerate(wanted):
            found.append(await _became(ground, f"size{number}", size, passed_on=passed_on))
    return found


async def _became(ground: Field, run: str, size: int, *, passed_on: bool) -> Size:
    """An event of exactly so many bytes, and the first of its result and its dead letter to come."""
    empty = len(BULK.template(content="", pass_on=passed_on).replace("evt-template-0", f"evt-{run}-0"))
    template = BULK.template(content=text(size - empty), pass_on=passed_on)
    letters = len(_letters(ground))
    await ground.outside.burst(run, 1, template=template)
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if (await ground.outside.seen(run, 1, 0)).seen:
            return Size(bytes=size, passed_on=passed_on, became=CAME_OUT, message="")
        if len(there := _letters(ground)) > letters:
            letter = json.loads(there[-1])["data"]
            return Size(bytes=size, passed_on=passed_on, became=letter["cause"], message=letter["message"])
        await asyncio.sleep(0.1)
    raise CommandError(f"nothing became of an event of {size} bytes", hint=ground.logs())


def _letters(ground: Field) -> list[str]:
    with Redis("127.0.0.1", ground.world.redis_port) as redis:
        entries = redis.ask("XRANGE", bulk.AGENT.dead_letter_topic, "-", "+")
        return [fields[fields.index("data") + 1] for _, fields in entries]


async def _topics(programs: Programs) -> Topics:
    """Whether the agent with the most topics works at all: each topic keeps a connection of the sidecar to Redis."""
    async with site(programs, [WIDE_SEAT]) as (ground,):
        ground.pair.start_app()
        await ground.outside.burst("topics", TOPICS_EVENTS, template=WIDE_SEAT.template())
        seen = (await ground.outside.seen("topics", TOPICS_EVENTS, TOPICS_WAIT)).seen
        return Topics(
            topics=len(many.WIDE.subscribed_topics),
            works=seen == TOPICS_EVENTS,
        )


async def _publishing(programs: Programs, plan: Plan) -> list[Publishing]:
    found = []
    async with world(programs, Redelivery.SHIPPED, publish="benchmarks.unused", watch="") as around:
        http, grpc = free_ports(2)
        sidecar = await around.sidecar("daprd-publishing", (http, grpc), None)
        try:
            for callers in CALLERS:
                events = plan.publish_events // (10 if callers == 1 else 1)
                spent = sidecar.cpu_ms()
                rate = await _publish(grpc, callers, events)
                found.append(
                    Publishing(
                        callers=callers,
                        bytes=len(publishing.EVENT.to_json()),
                        events_per_second=round(rate, 1),
                        sidecar_cpu_ms=round((sidecar.cpu_ms() - spent) / events, 3),
                    )
                )
        finally:
            await sidecar.kill()
    return found


async def _publish(port: int, callers: int, events: int) -> float:
    command = ("-m", publishing.__name__, str(port), str(callers), str(events))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    try:
        told, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        raise CommandError("publishing to a sidecar failed", hint=complaint.decode()[-1500:])
    return float(told)
