"""Talks to `benchmarks/outside`: set the model, offer events, ask what came out. All times are its own, in ns since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel

from benchmarks.suite.processes import Process, answers
from cli.errors import CommandError
from cli.local.ports import free_ports
from domain.event import Event
from domain.events.testplanning import SpecGenerated

MARKER = "evt-template-0"
TEMPLATE = (
    Event(
        id=MARKER,
        source="/benchmarks",
        type=SpecGenerated.event_type,
        time="2026-01-01T00:00:00Z",
        datacontenttype="application/json",
        data={
            "spec_id": MARKER,
            "feature_title": f"{MARKER} Password reset by mail",
            "summary": "Whoever forgot the password gets a link that works once.",
            "cases": [
                {
                    "id": f"TC-{number}",
                    "title": title,
                    "given": given,
                    "when": when,
                    "then": then,
                    "priority": "high",
                    "kind": "unit",
                }
                for number, (title, given, when, then) in enumerate(
                    (
                        ("The link works once", "a link", "it is used twice", "the second time is refused"),
                        ("The link expires", "a link", "it is used after an hour", "it is refused"),
                        ("Unknown links", "a token nobody made", "it is used", "it is refused"),
                    ),
                    start=1,
                )
            ],
        },
    )
    # dapr-agents takes no event with an attribute that is a number.
    .model_dump_json(exclude_none=True, exclude={"hops"})
)
"""The event that everybody gets, nearly as our product publishes it."""

_T = TypeVar("_T", bound=BaseModel)


class Summary(BaseModel):
    """Of a run. `doubled`: events whose result came out under more than one id; `repeated`: results that came again under
    an id that was seen; `calls_again`: calls of the model beyond the first for the same event.
    """

    sent: int
    seen: int
    doubled: int
    repeated: int
    calls: int
    calls_again: int
    summaries: int


class Times(BaseModel):
    """By an event's number, 0 where it was not sent or not seen."""

    sent: list[int]
    seen: list[int]


class Model(BaseModel):
    latency_ms: float
    in_flight_most: int


@dataclass(frozen=True)
class Outside:
    process: Process
    port: int

    @classmethod
    def start(cls, program: Path, folder: Path, redis: str, publish: str, watch: str) -> Outside:
        (port,) = free_ports(1)
        topics = ("--publish", publish, "--watch", watch)
        where = ("--listen", f"127.0.0.1:{port}", "--redis", redis)
        return cls(Process("outside", [program, *where, *topics], folder), port)

    async def ready(self) -> None:
        await self.process.ready(partial(answers, f"{self.base_url}/models", 200))

    @property
    def base_url(self) -> str:
        """Of the model."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def model(self, latency_ms: float) -> None:
        await self._ask("POST", "/model", Model, {"latency_ms": latency_ms})

    async def answers(self, by_schema: Mapping[str, str]) -> None:
        """Say from now on, at once, what fits the schemas of these names; any other gets the suite's own answer."""
        await self._ask("POST", "/model", Model, {"latency_ms": 0, "answers": dict(by_schema)})

    async def in_flight_most(self) -> int:
        return (await self._ask("GET", "/model", Model)).in_flight_most

    async def burst(self, run: str, events: int, *, template: str = TEMPLATE) -> Summary:
        return await self._offer(run, events, template)

    async def pace(self, run: str, events: int, rate: float, *, template: str = TEMPLATE) -> Summary:
        return await self._offer(run, events, template, rate=rate)

    async def loop(
        self,
        run: str,
        events: int,
        outstanding: int,
        *,
        spread_s: float = 0,
        seconds: float = 0,
        template: str = TEMPLATE,
    ) -> Summary:
        """A closed loop: never more than `outstanding` are inside."""
        how = {"outstanding": outstanding, "spread_s": spread_s, "seconds": seconds}
        return await self._offer(run, events, template, **how)

    async def seen(self, run: str, events: int, patience_s: float) -> Summary:
        """Wait until so many have come out, or nothing has moved for so long."""
        asked = {"run": run, "seen": events, "patience_s": patience_s}
        return await self._ask("POST", "/await", Summary, asked)

    async def times(self, run: str) -> Times:
        return await self._ask("GET", f"/runs/{run}/times", Times)

    async def spin_s(self) -> float:
        return (await self._ask("POST", "/spin", _Spin)).seconds

    async def _offer(self, run: str, events: int, template: str, **how: float) -> Summary:
        asked = {"run": run, "events": events, "template": template, **how}
        return await self._ask("POST", "/publish", Summary, asked)

    async def _ask(self, method: str, path: str, kind: type[_T], body: dict[str, Any] | None = None) -> _T:
        url = f"http://127.0.0.1:{self.port}{path}"
        timeout = aiohttp.ClientTimeout(total=None)  # a run takes as long as it takes
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, json=body) as response,
            ):
                text = await response.text()
        except aiohttp.ClientError as error:
            raise self.process.failure(f"did not answer {path} ({error})") from error
        if response.status != 200:
            raise CommandError(f"benchmarks/outside refuses {path}: {text}")
        return kind.model_validate_json(text)


class _Spin(BaseModel):
    seconds: float
