from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from domain.entities.values import EmailAddress, Reference, Sentence, Severity, Title
from domain.event import EventData


class _AboutNotification(EventData):
    notification_id: Reference

    @property
    def subject(self) -> str:
        return f"notifications/{self.notification_id}"


class SendRequested(_AboutNotification, type="agents.notification.send.requested"):
    """A notification is ready to go. No recipients: the channel's own."""

    model_config = ConfigDict(serialize_by_alias=True)

    recipients: Annotated[tuple[EmailAddress, ...], Field(max_length=50)] = ()
    # `subject` is what a CloudEvent is about; on the wire the mail's subject has its own name all the same.
    subject_line: Title = Field(alias="subject")
    body: str = Field(min_length=1, max_length=4000)
    severity: Severity = "info"


class SentCompleted(_AboutNotification, type="agents.notification.sent.completed"):
    """The channel took it. `reference` is the channel's own id of it."""

    channel: Reference
    reference: str


class DeliveryConfirmed(_AboutNotification, type="agents.notification.delivery.confirmed"):
    """It has been delivered, not just taken."""

    channel: Reference
    reference: str


class DeliveryFailed(_AboutNotification, type="agents.notification.delivery.failed"):
    """It will never be delivered: the channel refused it."""

    reason: Sentence
