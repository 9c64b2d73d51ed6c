"""What comes to the routes of pushed events and is none."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from domain.ports.pubsub import Answer
from infrastructure.dapr.push import PushSubscription
from infrastructure.host import errors


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"data":{}}',
        b'{"data_base64":7}',
        b'{"data_base64":"!"}',
        b"[" * 10_000,
        b"\xff",
    ],
)
async def test_what_no_sidecar_sent_is_refused_and_reaches_nobody(body: bytes) -> None:
    delivered: list[bytes] = []

    async def deliver(_: str, message: bytes) -> Answer:
        delivered.append(message)
        return Answer.SUCCESS

    app = FastAPI()
    errors.install(app)
    subscription = PushSubscription(app, "agents-pubsub", ["agents.x"])
    subscription._deliver = deliver
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        refused = await http.post("/dapr/events/agents.x", content=body)
        taken = await http.post("/dapr/events/agents.x", content=b'{"data_base64":"e30="}')
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "rejected")
    assert (taken.status_code, delivered) == (200, [b"{}"])
