"""An agent for tests of the runtime: it shouts, and can be told to fail."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict

from agents.runtime import Agent, Context, Outcome
from domain import errors
from domain.event import Event, EventData


class Said(EventData, type="agents.sample.word.said"):
    word: str
    fail: str | None = None
    times: int = 0
    slow: float = 0.0


class Shouted(EventData, type="agents.sample.word.shouted"):
    word: str


class Word(BaseModel):
    model_config = ConfigDict(extra="forbid")

    word: str


class Tally(BaseModel):
    words: list[str] = []


class Sample:
    """A fresh agent, with counters of what its handlers did."""

    def __init__(self, *, changes: bool = True) -> None:
        self.agent = Agent("sample", description="Shouts.")
        self.runs: list[str] = []
        agent = self.agent
        agent.publishes(Shouted)

        @agent.change
        def tally(entity: Tally, word: Word) -> Tally:
            return Tally(words=[*entity.words, word.word])

        @agent.on(Said)
        async def shout(said: Said, ctx: Context) -> Outcome:
            """Shout a word."""
            self.runs.append(ctx.execution_id)
            await asyncio.sleep(said.slow)
            if said.fail and len(self.runs) <= said.times:
                kind = getattr(errors, said.fail, None)
                raise kind("as told") if kind else RuntimeError("a bug with a secret in it")
            loud = said.word.upper()
            return Outcome(
                output=Word(word=loud),
                events=[Shouted(word=loud)],
                changes=[tally.to("all", Word(word=loud))] if changes else [],
            )


def said(word: str = "hello", *, event_id: str = "1", source: str = "/tests", **data: object) -> Event:
    return Event(id=event_id, source=source, type=Said.event_type, data={"word": word, **data})
