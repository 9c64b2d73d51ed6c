"""A world with agents of `room/` in it: each has its app-id, its topics, and an outside of its own that offers and counts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.capacity.room.prompts import write_prompts
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.suite.field import Field, Pair
from benchmarks.suite.outside import TEMPLATE, Outside
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import ROOT
from benchmarks.suite.world import Redelivery, World, world


@dataclass(frozen=True)
class Seat:
    """An agent of the room, as `module:ATTRIBUTE`, the topic of what it takes and of what it makes, and its prompts."""

    target: str
    name: str
    takes: str
    makes: str
    prompts: tuple[str, ...] = ("write-code",)

    def template(self, **data: Any) -> str:
        """The suite's event under this agent's name, with more in it."""
        event = json.loads(TEMPLATE)
        event["type"] = self.takes
        event["data"] |= data
        return json.dumps(event, separators=(",", ":"))


@asynccontextmanager
async def site(programs: Programs, seats: Sequence[Seat]) -> AsyncIterator[list[Field]]:
    """A field for each seat, all on one Redis; the apps are not started yet."""
    async with (
        world(programs, Redelivery.SHIPPED, publish="benchmarks.unused", watch="") as around,
        AsyncExitStack() as stack,
    ):
        prompts = around.folder / "prompts"
        fields = []
        for seat in seats:
            write_prompts(prompts, seat.name, seat.prompts)
            own = await _own(around, seat, stack)
            contender = _contender(seat, {"AGENTS_PROMPTS": str(prompts)})
            pair = Pair(own, contender, 1, app_id=seat.name)
            stack.push_async_callback(pair.kill_sidecar)
            stack.push_async_callback(pair.kill_app)
            await pair.start_sidecar()
            fields.append(Field(contender, own, [pair]))
        yield fields


async def _own(around: World, seat: Seat, stack: AsyncExitStack) -> World:
    """The world as this seat sees it: with an outside for its topics, and our interpreter under its name."""
    folder = around.folder / seat.name
    folder.mkdir()
    redis = f"127.0.0.1:{around.redis_port}"
    outside = Outside.start(around.programs.outside, folder, redis, seat.takes, seat.makes)
    stack.push_async_callback(outside.process.kill)
    await outside.ready()
    programs = dataclasses.replace(
        around.programs, pythons={seat.name: around.programs.pythons[CONTENDERS["ours"].name]}
    )
    return dataclasses.replace(around, outside=outside, programs=programs)


def _contender(seat: Seat, environment: Mapping[str, str]) -> Contender:
    target = f"benchmarks.capacity.room.{seat.target}"
    command = ("-m", "infrastructure.host", target)
    return Contender(seat.name, seat.name, command, ROOT, listens=False, environment=environment)
