"""Callers and publishers who do nothing wrong, all the while: what they are answered, and what becomes of their work."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from itertools import count

from domain.event import Event
from domain.events.servicedesk import TicketCreated
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.sidecar import Sidecar
from tests.abuse.credentials import JSON, ROOT
from tests.abuse.field import Field
from tests.abuse.messages import CREATED, PUBSUB
from tests.abuse.wire import ask, request

PAUSE = 0.05
"""Seconds between two good requests."""


@dataclass
class Good:
    """`tickets` are the executions that were answered, `published` the events, `wrong` what was not as it should be."""

    tickets: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    probes: int = 0
    wrong: list[str] = field(default_factory=list)

    async def go_on(self, place: Field, over: asyncio.Event, caller: int) -> None:
        sidecar = Sidecar(place.stranger.address)
        publisher = DaprPublisher(sidecar, PUBSUB)
        for number in count(caller * 1_000_000):
            await self._request(place, number)
            if number % 5 == 0:
                await self._event(publisher, number)
            if number % 10 == 0:
                await self._probe(place)
            if over.is_set():
                break
            await asyncio.sleep(PAUSE)
        await sidecar.close()

    async def _request(self, place: Field, number: int) -> None:
        title = f"good ticket {number}"
        token = place.tokens["good"][number % len(place.tokens["good"])]
        body = json.dumps({"title": title, "description": "d", "reporter": "r"}).encode()
        shot = request("POST", f"{ROOT}/open-ticket", JSON, f"Authorization: Bearer {token}", body=body)
        reply = await ask(place.desk.port, [shot])
        answer = json.loads(reply.raw.partition(b"\r\n\r\n")[2]) if reply.statuses == (200,) else {}
        if answer.get("output", {}).get("title") == title:
            self.tickets.append(answer["execution_id"])
        else:
            self.wrong.append(f"{title}: {reply.raw[-500:]!r}")

    async def _event(self, publisher: DaprPublisher, number: int) -> None:
        ticket = TicketCreated(ticket_id=f"GOOD-{number}", title="good event", description="d", reporter="r")
        identity = f"good-event-{number}"
        await publisher.publish(
            CREATED,
            Event.of_agent("stranger", CREATED, identity=identity, data=ticket.model_dump(mode="json")),
        )
        self.published.append(identity)

    async def _probe(self, place: Field) -> None:
        for port in (place.desk.port, place.pushed.port):
            reply = await ask(port, [request("GET", "/healthz")])
            self.probes += 1
            if reply.statuses != (200,):
                self.wrong.append(f"probe: {reply.raw[:200]!r}")
