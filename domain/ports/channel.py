from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Notification:
    """What is sent. `idempotency_key` is the same in every try of the same notification."""

    idempotency_key: str
    correlation_id: str
    recipients: tuple[str, ...]
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """`reference` is the channel's own id of what it took; `confirmed` is True when that means it has been delivered."""

    channel: str
    reference: str
    confirmed: bool


class NotificationChannel(Protocol):
    async def send(self, notification: Notification) -> Receipt:
        """Send once.

        Raises:
            Rejected: this notification will never be taken (unknown recipient, 4xx).
            Unavailable: the other side is down or busy.
            Transient: it is not known whether it was taken.

        """
        ...
