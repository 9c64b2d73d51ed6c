"""`Publisher` on a Dapr pub/sub component: structured-mode CloudEvents, as they are."""

from __future__ import annotations

from dapr.proto import api_v1

from domain.event import Event
from infrastructure.dapr.sidecar import CALL_DEADLINE, Sidecar

_RAW = {"rawPayload": "true"}
"""As they are: the sidecar would otherwise put attributes of its own into them, an empty `traceparent` among them."""


class DaprPublisher:
    def __init__(self, sidecar: Sidecar, component: str) -> None:
        self._sidecar = sidecar
        self._component = component

    async def publish(self, topic: str, event: Event) -> None:
        request = api_v1.PublishEventRequest(
            pubsub_name=self._component,
            topic=topic,
            data=event.to_json(),
            data_content_type="application/cloudevents+json",
            metadata=_RAW,
        )
        stub, metadata = self._sidecar.stub, self._sidecar.metadata
        await self._sidecar.call(
            f"publish to {topic}", stub.PublishEvent(request, metadata=metadata, timeout=CALL_DEADLINE)
        )
