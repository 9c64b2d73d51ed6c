"""The event on the wire, CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2), and its typed payloads."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.json import MAX_VALUES, parse

LONGEST = 1024
"""Characters of an attribute. CloudEvents asks for events of 64 KiB at least; no sensible attribute comes near this."""


def _text_or_nothing(value: object) -> object:
    """An extension of the wrong type or beyond all measure is a foreign publisher's business: read it as absent."""
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST else None


def _hops(value: object) -> object:
    return min(value, 1_000) if isinstance(value, int) and value >= 0 else 0


Extension = Annotated[str | None, BeforeValidator(_text_or_nothing)]
Attribute = Annotated[str, Field(min_length=1, max_length=LONGEST)]


def schema_of(kind: str, version: str = "1.0") -> str:
    """The URI of a payload's schema."""
    return f"urn:my-agents:schema:{kind}:{version}"


class Event(BaseModel):
    """One CloudEvent, structured mode. Extensions are optional on the way in and always set on the way out.

    `correlationid` is constant along a chain; `causationid` is the id of the event that caused this one;
    `hops` counts the events between the root of the chain and this one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: Attribute
    source: Attribute
    type: Attribute
    subject: Extension = None
    time: Extension = None
    datacontenttype: Extension = None
    dataschema: Extension = None
    correlationid: Extension = None
    causationid: Extension = None
    agentid: Extension = None
    hops: Annotated[int, BeforeValidator(_hops)] = 0
    traceparent: Extension = None
    data: Any = None

    @classmethod
    def from_json(cls, message: bytes) -> Self:
        """Parse a stranger's message, structured mode, also with `data_base64`.

        Raises:
            ValueError: saying what is wrong.

        """
        document = parse(message, max_values=MAX_VALUES)
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004  # what is wrong is the message, not a type in this program
        if "data_base64" in document and "data" not in document:
            encoded = document["data_base64"]
            if not isinstance(encoded, str):
                raise ValueError("data_base64: not a text")
            document["data"] = parse(base64.b64decode(encoded, validate=True), max_values=MAX_VALUES)
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None

    @classmethod
    def of_agent(cls, agent: str, kind: str, *, identity: str, data: object, **attributes: Any) -> Self:
        """What an agent says now; `attributes` are extensions, and another `dataschema` than the type's 1.0."""
        return cls(
            id=identity,
            source=f"/agents/{agent}",
            type=kind,
            time=datetime.now(UTC).isoformat(),
            datacontenttype="application/json",
            agentid=agent,
            data=data,
            **{"dataschema": schema_of(kind), **attributes},
        )

    def to_json(self) -> bytes:
        """The structured-mode JSON form, without absent attributes."""
        return self.model_dump_json(exclude_none=True).encode()


class EventData(BaseModel):
    """A typed payload. Subclasses name their event type, which is also the topic:

    class CodeGenerated(EventData, type="agents.implementation.code.generated"): …

    Unknown fields are ignored, so that publishers may add fields within a version.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str]
    version: ClassVar[str]

    def __init_subclass__(cls, *, type: str | None = None, version: str = "1.0", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if type is not None:
            cls.event_type = type
            cls.version = version

    @classmethod
    def data_schema(cls) -> str:
        """The URI that goes into `dataschema`."""
        return schema_of(cls.event_type, cls.version)

    @property
    def subject(self) -> str | None:
        """What the event is about, for `subject`; subclasses that speak of an entity override it."""
        return None
