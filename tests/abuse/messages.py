"""What comes by the broker: messages that are no events, events that nobody may send, and sidecars that ask for too much."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle, islice
from typing import Any

import grpc
from dapr.proto import api_v1

from infrastructure.dapr.sidecar import Sidecar
from tests.abuse.field import MARK, Field

PUBSUB = "agents-pubsub"
CREATED, COMMANDS = "agents.servicedesk.ticket.created", "agents.servicedesk.execution.requested"
ESCALATED = "agents.servicedesk.ticket.escalated"
"""Received by the agent that gets its events over HTTP."""
FOREIGN = (
    "agents.devops.issue.created",
    "agents.devops.execution.requested",
    "agents.implementation.execution.requested",
    "agents.notification.send.requested",
    "agents.testplanning.spec.generated",
    "agents.servicedesk.ticket.created2",
    "agents.servicedesk",
    "agents.servicedesk.*",
    "agents.servicedesk.ticket.created ",
    "AGENTS.SERVICEDESK.TICKET.CREATED",
    "agents.devops.issue.created=service-desk",
    "",
)
"""None that the service desk may publish to."""
SEED = 7
MALFORMED, FORBIDDEN, REFUSED = 1_000, 240, 60


def _event(number: int, **changes: Any) -> dict[str, Any]:
    """A right one, but for its changes; None leaves an attribute out."""
    event = {
        "specversion": "1.0",
        "id": f"{MARK}-{number}",
        "source": f"/{MARK}",
        "type": (CREATED, ESCALATED)[number % 2],
        "data": {"ticket_id": "T", "title": MARK, "description": "d", "reporter": "r"},
    }
    return {name: value for name, value in (event | changes).items() if value is not None}


def malformed(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Topic and message; each another message, because a repeated one would be known, and not looked at."""
    trigger = {"agent": "service-desk", "task": "triage", "source": f"/{MARK}", "key": "k", "input": {}}
    wrong: tuple[Callable[[int], Any], ...] = (
        lambda n: _event(n, id=None),
        lambda n: _event(n, id=""),
        lambda n: _event(n, id=n),
        lambda n: _event(n, id="i" * 2_000 + str(n)),
        lambda n: _event(n, source=None),
        lambda n: _event(n, source={"a": n}),
        lambda n: _event(n, type=None),
        lambda n: _event(n, type=["x", n]),
        lambda n: _event(n, specversion="0.3"),
        lambda n: _event(n, specversion=1.0),
        lambda n: _event(n, data=None),
        lambda n: _event(n, data="text"),
        lambda n: _event(n, data=[1, 2]),
        lambda n: _event(n, data={"title": MARK}),
        lambda n: _event(n, data={"ticket_id": 7, "title": MARK, "description": None, "reporter": []}),
        lambda n: _event(n, data={"ticket_id": "T", "title": "x" * 100_000, "description": "d"}),
        lambda n: _event(n, data=None, data_base64="!!!"),
        lambda n: _event(n, data=None, data_base64={"a": n}),
        lambda n: _event(n, data=None, data_base64="W1tbW1s="),
        lambda n: _event(n, hops=10**9),
        lambda n: [_event(n)],
        lambda n: f"{MARK} {n}",
        lambda n: n,
        lambda n: json.dumps(_event(n)).encode()[: chance.randrange(20, 100)] + str(n).encode(),
        lambda n: b"\x80" + chance.randbytes(100),
        lambda n: b"\x00" * 50 + str(n).encode(),
        lambda n: f"{MARK}{n}".encode("utf-16"),
        lambda n: b'{"id":"%d","n":NaN}' % n,
        lambda n: b'{"id":"%d","n":1e400}' % n,
        lambda n: b'{"id":"%d","n":"\\ud800"}' % n,
        lambda n: b'{"id":"%d","n":"\\u0000"}' % n,
        lambda n: b'{"id":"%d","n":' % n + b"[" * 5_000 + b"]" * 5_000 + b"}",
        lambda n: b'{"id":"%d","n":[' % n + b"1," * 60_000 + b"1]}",
        lambda n: b'{"id":"%d","n":%s}' % (n, b"9" * 6_000),
        lambda n: _event(n, type=COMMANDS, data=trigger | {"agent": "devops"}),
        lambda n: _event(n, type=COMMANDS, data=trigger | {"refusal": {"code": "x", "message": "y"}}),
        lambda n: _event(n, type=COMMANDS, data=trigger | {"event": _event(n)}),
        lambda n: _event(n, type=COMMANDS, data=trigger | {"task": "no-such-task", "key": str(n)}),
        lambda n: _event(n, type=COMMANDS, data=trigger | {"key": None}),
        lambda n: _event(n, type=COMMANDS, data=f"{MARK}"),
        lambda n: b"{" * 70_000 + str(n).encode(),
    )
    for number, make in enumerate(cycle(wrong)):
        made = make(number)
        topic = (
            COMMANDS
            if isinstance(made, dict) and made.get("type") == COMMANDS
            else (CREATED, ESCALATED)[number % 2]
        )
        yield topic, made if isinstance(made, bytes) else json.dumps(made).encode()


async def publish_malformed(place: Field) -> Counter[str]:
    """By somebody who may write to the broker; half of it goes to the agent that gets its events over HTTP."""
    sidecar = Sidecar(place.stranger.address)

    async def publish(topic: str, message: bytes) -> None:
        await sidecar.stub.PublishEvent(_publication(topic, message), timeout=30)

    told = await _told([publish(*one) for one in islice(malformed(random.Random(SEED)), MALFORMED)])
    await sidecar.close()
    return told


async def publish_forbidden(place: Field) -> Counter[str]:
    """By the service desk's own sidecar, as the chart limits it: to topics of others, one and several at a time."""
    sidecar = Sidecar(place.scoped.address)
    event = json.dumps(_event(0, type="agents.devops.issue.created")).encode()

    async def several(topic: str) -> None:
        entry = api_v1.BulkPublishRequestEntry(entry_id="1", event=event, content_type="application/json")
        request = api_v1.BulkPublishRequest(pubsub_name=PUBSUB, topic=topic, entries=[entry], metadata=_RAW)
        await sidecar.stub.BulkPublishEventAlpha1(request, timeout=30)

    async def one(topic: str) -> None:
        await sidecar.stub.PublishEvent(_publication(topic, event), timeout=30)

    ways = cycle([one, several])
    told = await _told(
        [way(topic) for way, topic in islice(zip(ways, cycle(FOREIGN), strict=False), FORBIDDEN)]
    )
    await sidecar.close()
    return told


async def ask_too_much(place: Field) -> Counter[str]:
    """Of the same sidecar: topics of others to listen to, secrets, invocation of another agent, APIs that no agent uses."""
    sidecar = Sidecar(place.scoped.address)

    async def listen() -> None:
        initial = api_v1.SubscribeTopicEventsRequestInitialAlpha1(
            pubsub_name=PUBSUB, topic="agents.devops.issue.created"
        )
        stream = sidecar.stub.SubscribeTopicEventsAlpha1()
        await stream.write(api_v1.SubscribeTopicEventsRequestAlpha1(initial_request=initial))
        await stream.read()
        stream.cancel()

    async def secret() -> None:
        await sidecar.stub.GetSecret(
            api_v1.GetSecretRequest(store_name="agents-secrets", key="x"), timeout=30
        )

    async def over_http(path: str) -> None:
        url = f"http://127.0.0.1:{place.scoped.http_port}{path}"
        try:
            await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=30).close())  # loopback
        except urllib.error.HTTPError as error:
            raise _Refused(str(error.code)) from None

    paths = (
        "/v1.0/invoke/devops/method/healthz",
        "/v1.0/secrets/agents-secrets/bulk",
        "/v1.0/state/agents-statestore/x",
        "/v1.0/publish/agents-pubsub/agents.devops.issue.created",
    )
    ways: list[Callable[[], Awaitable[None]]] = [
        listen,
        secret,
        *((lambda path=path: over_http(path)) for path in paths),
    ]
    told = await _told([way() for way in islice(cycle(ways), REFUSED)])
    await sidecar.close()
    return told


class _Refused(Exception):
    """HTTP status of a sidecar that does not."""


_RAW = {"rawPayload": "true"}


def _publication(topic: str, message: bytes) -> api_v1.PublishEventRequest:
    return api_v1.PublishEventRequest(
        pubsub_name=PUBSUB, topic=topic, data=message, data_content_type="application/json", metadata=_RAW
    )


async def _told(asked: list[Awaitable[None]]) -> Counter[str]:
    """`done`, or what the sidecar said; one after another in twelve rows."""
    told: Counter[str] = Counter()

    async def row() -> None:
        while asked:
            try:
                await asked.pop()
                told["done"] += 1
            except grpc.aio.AioRpcError as error:
                told[error.code().name] += 1
            except _Refused as refusal:
                told[str(refusal)] += 1

    await asyncio.gather(*(row() for _ in range(12)))
    return told
