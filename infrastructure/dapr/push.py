"""`Subscription` by HTTP push through dapr-ext-fastapi, for runtimes without streaming. Off by default.

Hazard: when the app is killed, daprd up to at least 1.16.5 may acknowledge events that it never delivered (ADR 0003).
A RETRY is answered as 503, because a 200 whose body is cut off counts as an acknowledgement.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

from dapr.ext.fastapi import DaprApp
from fastapi import FastAPI, Request, Response

from domain.errors import Rejected
from domain.json import parse
from domain.ports.pubsub import Answer, Deliver
from infrastructure.dapr.subscription import RAW


class PushSubscription:
    """The sidecar asks for `/dapr/subscribe` when it starts, so topics are routed when the app is built."""

    def __init__(self, app: FastAPI, component: str, topics: Sequence[str]) -> None:
        self._deliver: Deliver | None = None
        routes = DaprApp(app)
        for topic in topics:
            routes.subscribe(component, topic, metadata=RAW, route=f"/dapr/events/{topic}")(
                self._route(topic)
            )

    @property
    def connected(self) -> bool:
        return self._deliver is not None

    async def run(self, topics: Sequence[str], deliver: Deliver) -> None:  # noqa: ARG002  # routed in the constructor
        self._deliver = deliver
        try:
            await asyncio.Event().wait()
        finally:
            self._deliver = None

    def _route(self, topic: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # FastAPI reads the handler itself
        async def receive(request: Request) -> Response:
            if self._deliver is None:
                return Response(status_code=503)
            answer = await self._deliver(topic, _payload(await request.body()))
            if answer is Answer.RETRY:
                return Response(status_code=503)
            return Response(b'{"status":"SUCCESS"}', media_type="application/json")

        return receive


def _payload(body: bytes) -> bytes:
    """A raw subscription's push is a CloudEvent of daprd's own around the published bytes.

    Raises:
        Rejected: it is none; no sidecar sent it.

    """
    try:
        return base64.b64decode(parse(body)["data_base64"], validate=True)
    except (ValueError, KeyError, TypeError):
        raise Rejected("this is no event as a sidecar brings it: a JSON object with data_base64") from None
