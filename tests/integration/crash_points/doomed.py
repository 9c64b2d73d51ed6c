"""An agent whose process ends itself, once, at a named point of the life cycle: `python -m tests.integration.crash_points.doomed`.

The points lie around the calls to the sidecar, which is all that the life cycle consists of for the world outside: so the
runtime itself knows nothing of them. CRASH_AT is `before|after OPERATION PLACE`, several by `;`, one for each life.
"""

from __future__ import annotations

import asyncio
import os
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from agents.runtime import Agent, Context, Outcome
from domain.errors import Rejected
from domain.event import Event, EventData
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.state import DaprStateStore
from infrastructure.host import __main__ as host
from infrastructure.host import bootstrap

EXIT = 9
NAME = os.environ.get("CRASH_NAME", "doomed")


class Said(EventData, type=f"agents.{NAME}.word.said"):
    word: str
    slow: float = 0.0


class Shouted(EventData, type=f"agents.{NAME}.word.shouted"):
    word: str


class Echoed(EventData, type=f"agents.{NAME}.word.echoed"):
    word: str


class Tally(BaseModel):
    words: list[str] = []


class Word(BaseModel):
    word: str


AGENT = Agent(NAME, description="Shouts, echoes, counts.")
AGENT.publishes(Shouted, Echoed)


@AGENT.change
def tally(entity: Tally, word: Word) -> Tally:
    return Tally(words=[*entity.words, word.word])


@AGENT.on(Said)
async def shout(said: Said, ctx: Context) -> Outcome:
    """Shout a word, and tell the ledger that it ran."""
    doom.reached("handler", "run")
    ran = f"{os.environ['LEDGER']}/{NAME}/{ctx.execution_id}"
    await asyncio.to_thread(urllib.request.urlopen, ran, timeout=60)
    await asyncio.sleep(said.slow)
    if said.word == "refused":
        raise Rejected("nobody shouts this")
    loud = Word(word=said.word.upper())
    events = [Shouted(word=loud.word), Echoed(word=loud.word)]
    return Outcome(output=loud, events=events, changes=[tally.to(NAME, loud)])


class Doom:
    """Each life of the process has its own point; how many lives there were is kept in a file."""

    def __init__(self) -> None:
        lives = Path(os.environ["CRASH_LIVES"])
        number = int(lives.read_text()) if lives.exists() else 0
        lives.write_text(str(number + 1))
        points = [point.strip() for point in os.environ["CRASH_AT"].split(";")]
        self._point = points[number].split() if number < len(points) else []

    def reached(self, *point: str) -> None:
        if list(point) == self._point:
            os._exit(EXIT)


class DoomedStore(DaprStateStore):
    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        doom.reached("before", "create", _place(key))
        created = await super().create(key, data, ttl=ttl)
        doom.reached("after", "create", _place(key))
        return created

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        place = "handed-back" if b'"handed_back":true' in data else _place(key)
        doom.reached("before", "swap", place)
        swapped = await super().swap(key, data, etag, ttl=ttl)
        doom.reached("after", "swap", place)
        return swapped

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        doom.reached("before", "put", _place(items[0][0]))
        await super().put(items, ttl=ttl)
        doom.reached("after", "put", _place(items[0][0]))


class DoomedPublisher(DaprPublisher):
    async def publish(self, topic: str, event: Event) -> None:
        place = topic.removeprefix(f"agents.{NAME}.")
        doom.reached("before", "publish", place)
        await super().publish(topic, event)
        doom.reached("after", "publish", place)


def _place(key: str) -> str:
    return key.partition(":")[0]


if __name__ == "__main__":
    doom = Doom()
    sys.modules["tests.integration.crash_points.doomed"] = sys.modules[
        "__main__"
    ]  # not imported a second time
    setattr(bootstrap, "DaprStateStore", DoomedStore)  # noqa: B010  # mypy: not exported there, and that is right
    setattr(bootstrap, "DaprPublisher", DoomedPublisher)  # noqa: B010
    sys.argv = ["host", "tests.integration.crash_points.doomed:AGENT"]
    host.main()
