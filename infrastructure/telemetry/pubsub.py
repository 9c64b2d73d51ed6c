"""`Publisher`, traced and measured by the messaging semantic conventions.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

from __future__ import annotations

from domain.event import Event
from domain.ports.pubsub import Publisher
from domain.ports.telemetry import Telemetry
from infrastructure.telemetry.call import Call


class TracedPublisher:
    """The event goes out as it was recorded: its `traceparent` is that of the handler which made it.

    The span of publishing hangs below the same handler, even when another process publishes after a crash.
    """

    def __init__(self, publisher: Publisher, telemetry: Telemetry) -> None:
        self._publisher = publisher
        self._telemetry = telemetry

    async def publish(self, topic: str, event: Event) -> None:
        attributes = {
            "messaging.system": "dapr",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": topic,
            "messaging.message.id": event.id,
        }
        with Call(
            self._telemetry,
            f"publish {topic}",
            kind="producer",
            histogram="agents.sidecar.call.duration",
            labels={"operation": "publish"},
            attributes=attributes,
            traceparent=event.traceparent,
        ):
            await self._publisher.publish(topic, event)
