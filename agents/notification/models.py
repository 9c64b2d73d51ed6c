"""What the tasks take and give, and what the prompt answers. The answer's bounds are those of its prompt's schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from domain.entities.text import is_one_line
from domain.entities.values import Closed, EmailAddress, Reference, Severity, Text, Title, Value


def _as_one_line(text: str) -> str:
    if not is_one_line(text):
        raise ValueError("must be one line, without control characters")
    return text


Recipients = Annotated[tuple[EmailAddress, ...], Field(max_length=50)]


class Compose(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "what_happened": "The nightly backup of the order database failed twice: the disk is full.",
                    "audience": "the team on call",
                    "severity": "error",
                    "recipients": ["oncall@example.com"],
                }
            ]
        }
    )

    what_happened: Text
    audience: Title = Field("the team", description="Who reads it.")
    channel: Literal["email", "webhook"] = Field(
        "email", description="What the text is shaped for; where it goes is the settings' decision."
    )
    severity: Severity = "info"
    recipients: Recipients = Field((), description="Nobody: the default recipients of the settings.")


class Draft(Closed):
    subject: str = Field(min_length=1, max_length=120)
    body: str = Field(min_length=1, max_length=800)


class Send(Closed):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subject": "Backup failed: disk full",
                    "body": "The nightly backup of the order database failed twice.\nFree space on db-2, then run it again.",
                    "recipients": ["oncall@example.com"],
                }
            ]
        }
    )

    subject: Annotated[Title, AfterValidator(_as_one_line)]
    body: str = Field(min_length=1, max_length=4000)
    recipients: Recipients = Field((), description="Nobody: the default recipients of the settings.")
    notification_id: Reference | None = Field(None, description="What the events call it; made when absent.")


class Delivery(Value):
    """What became of a notification. `reference` is the channel's own id of it, `reason` why the channel refused it."""

    notification_id: str
    status: Literal["sent", "delivered", "refused"]
    channel: str | None = None
    reference: str | None = None
    reason: str | None = None
