"""Value objects that several domains share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

Priority: TypeAlias = Literal["low", "medium", "high", "critical"]
Severity: TypeAlias = Literal["info", "warning", "error", "critical"]

Reference: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Title: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Sentence: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]
EmailAddress: TypeAlias = Annotated[
    str,
    # What can stand between the angle brackets of an SMTP command. A domain beyond ASCII is given in its xn-- form.
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"
    ),
]


class Value(BaseModel):
    """A part of payloads and entities. Unknown fields are ignored, so that a newer version may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Closed(BaseModel):
    """What a task takes, and what a prompt answers: unknown fields are an error, and a blank text is an empty one."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def identifier(prefix: str, execution_id: str) -> str:
    """The id of what an execution makes, e.g. `ISSUE-5F0C2B7A91D3`: the same however often its handler runs.

    48 bits of the execution's uuid: ten thousand of a kind collide with a probability below one in a million.
    """
    return f"{prefix}-{execution_id.replace('-', '')[:12].upper()}"
