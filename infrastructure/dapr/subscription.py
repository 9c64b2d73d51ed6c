"""`Subscription` by streaming: the app opens a stream to its sidecar for each topic.

Not by HTTP push, because daprd up to at least 1.16.5 acknowledges some pushed events that the app never got when it is
killed (ADR 0003). And raw: with the default subscription a published `"traceid": 1` makes every subscriber's
sidecar panic, and invalid JSON stays pending for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import grpc
from dapr.proto import api_v1, appcallback_v1

from domain.ports.pubsub import Answer, Deliver
from infrastructure.dapr.sidecar import Sidecar

log = logging.getLogger(__name__)

RECONNECT = 0.2
"""Seconds between two tries to open a stream."""
RAW = {"rawPayload": "true"}
_STATUS = {
    Answer.SUCCESS: appcallback_v1.TopicEventResponse(status=appcallback_v1.TopicEventResponse.SUCCESS),
    Answer.RETRY: appcallback_v1.TopicEventResponse(status=appcallback_v1.TopicEventResponse.RETRY),
}


class StreamingSubscription:
    def __init__(self, sidecar: Sidecar, component: str) -> None:
        self._sidecar = sidecar
        self._component = component
        self._topics: set[str] = set()
        self._open: set[str] = set()

    @property
    def connected(self) -> bool:
        return bool(self._topics) and self._open == self._topics

    async def run(self, topics: Sequence[str], deliver: Deliver) -> None:
        self._topics = set(topics)
        async with asyncio.TaskGroup() as group:
            for topic in self._topics:
                group.create_task(self._receive_for_ever(topic, deliver))

    async def _receive_for_ever(self, topic: str, deliver: Deliver) -> None:
        while True:
            try:
                await self._receive(topic, deliver)
                reason = "the sidecar ended it"
            except grpc.aio.AioRpcError as error:
                reason = f"{error.code().name.lower()}: {error.details()}"
            finally:
                self._open.discard(topic)
            log.warning("the stream of %s broke (%s): opening it again", topic, reason)
            await asyncio.sleep(RECONNECT)

    async def _receive(self, topic: str, deliver: Deliver) -> None:
        """One stream: its deliveries run side by side, and end with it (their work does not: the runner owns it)."""
        answers: asyncio.Queue[api_v1.SubscribeTopicEventsRequestAlpha1] = asyncio.Queue()
        stream = self._sidecar.stub.SubscribeTopicEventsAlpha1(
            metadata=self._sidecar.metadata, wait_for_ready=True
        )
        initial = api_v1.SubscribeTopicEventsRequestInitialAlpha1(
            pubsub_name=self._component, topic=topic, metadata=RAW
        )
        answers.put_nowait(api_v1.SubscribeTopicEventsRequestAlpha1(initial_request=initial))

        async def send() -> None:
            # One after another, and not by a generator given to gRPC: that one is left pending when a stream breaks.
            while True:
                await stream.write(await answers.get())

        async def answer(message: appcallback_v1.TopicEventRequest) -> None:
            status = _STATUS[await deliver(topic, message.data)]
            processed = api_v1.SubscribeTopicEventsRequestProcessedAlpha1(id=message.id, status=status)
            answers.put_nowait(api_v1.SubscribeTopicEventsRequestAlpha1(event_processed=processed))

        sender = asyncio.create_task(send())
        sender.add_done_callback(lambda _: stream.cancel())  # a stream that nobody can answer on is broken
        tasks = {sender}
        try:
            async for response in stream:
                if response.HasField("initial_response"):
                    self._open.add(topic)
                else:
                    delivery = asyncio.create_task(answer(response.event_message))
                    tasks.add(delivery)
                    delivery.add_done_callback(tasks.discard)
        finally:
            stream.cancel()
            for task in tasks:
                task.cancel()
            # What a write raises on a broken stream, the stream has told.
            await asyncio.gather(*tasks, return_exceptions=True)
