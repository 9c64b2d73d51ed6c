from __future__ import annotations

from collections import deque

from domain.errors import AgentError
from domain.ports.channel import Notification, Receipt


class MemoryChannel:
    """`NotificationChannel` that keeps what it took in `sent`. Each of `failures` is raised once, in order, instead.

    With `lose_answers` it takes the notification before it fails, as a server does whose answer is lost.
    """

    def __init__(self, *, confirms: bool = False) -> None:
        self.sent: list[Notification] = []
        self.failures: deque[AgentError] = deque()
        self.lose_answers = False
        self._confirms = confirms

    async def send(self, notification: Notification) -> Receipt:
        if not self.failures or self.lose_answers:
            self.sent.append(notification)
        if self.failures:
            raise self.failures.popleft()
        return Receipt(channel="memory", reference=notification.idempotency_key, confirmed=self._confirms)

    async def close(self) -> None:
        """Nothing to close."""
