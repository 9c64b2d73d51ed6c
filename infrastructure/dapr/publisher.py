"""`Publisher` on a Dapr pub/sub component: structured-mode CloudEvents, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dapr.proto import api_v1

from domain.errors import SidecarUnavailable
from domain.event import Event
from infrastructure.dapr.gathering import Gathering
from infrastructure.dapr.sidecar import CALL_DEADLINE, Sidecar

_RAW = {"rawPayload": "true"}
"""As they are: the sidecar would otherwise put attributes of its own into them, an empty `traceparent` among them."""
_CONTENT_TYPE = "application/cloudevents+json"


class DaprPublisher:
    def __init__(self, sidecar: Sidecar, component: str) -> None:
        self._sidecar = sidecar
        self._component = component
        self._topics: dict[str, Gathering[bytes]] = {}

    async def publish(self, topic: str, event: Event) -> None:
        if topic not in self._topics:
            self._topics[topic] = Gathering(partial(self._send, topic))
        data = event.to_json()
        await self._topics[topic].send(event.id, data, len(data))

    async def _send(self, topic: str, events: Sequence[bytes]) -> None:
        await (self._send_one(topic, events[0]) if len(events) == 1 else self._send_several(topic, events))

    async def _send_one(self, topic: str, event: bytes) -> None:
        request = api_v1.PublishEventRequest(
            pubsub_name=self._component,
            topic=topic,
            data=event,
            data_content_type=_CONTENT_TYPE,
            metadata=_RAW,
        )
        stub, metadata = self._sidecar.stub, self._sidecar.metadata
        await self._sidecar.call(
            f"publish to {topic}", stub.PublishEvent(request, metadata=metadata, timeout=CALL_DEADLINE)
        )

    async def _send_several(self, topic: str, events: Sequence[bytes]) -> None:
        """When one of them fails the sidecar says only that, and all come again: under the ids that they have."""
        entries = [
            api_v1.BulkPublishRequestEntry(entry_id=str(number), event=event, content_type=_CONTENT_TYPE)
            for number, event in enumerate(events)
        ]
        request = api_v1.BulkPublishRequest(
            pubsub_name=self._component, topic=topic, entries=entries, metadata=_RAW
        )
        stub, metadata = self._sidecar.stub, self._sidecar.metadata
        reply = await self._sidecar.call(
            f"publish {len(events)} events to {topic}",
            stub.BulkPublishEventAlpha1(request, metadata=metadata, timeout=CALL_DEADLINE),
        )
        if reply.failedEntries:  # daprd 1.16 fails the call instead; others may not
            raise SidecarUnavailable(f"publish to {topic}: {reply.failedEntries[0].error[:300]}")
