"""Messages (part 3 of the standard), taken apart no further than a broker has to: the bare message passes as it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cli.local.azure.amqp.values import (
    NULL,
    TRUE,
    Described,
    Malformed,
    binary,
    decode,
    described,
    int_,
    listed,
    mapped,
    string,
    symbol,
    ubyte,
    uint,
    ulong,
    uuid,
)

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA, VALUE = 0x73, 0x74, 0x75, 0x77
BATCH = 0x80013700
"""The message format of an envelope whose data sections are messages: how Service Bus' clients publish several at once."""


@dataclass(frozen=True)
class Message:
    """`bare` is everything from the properties on, as it came; `ttl` is in seconds."""

    bare: bytes
    ttl: float | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict)
    properties: list[Any] = field(default_factory=list)
    application_properties: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    """Data sections as a list of bytes, or the one value."""

    @property
    def message_id(self) -> Any:
        return self.properties[0] if self.properties else None

    @property
    def reply_to(self) -> str | None:
        return self.properties[4] if len(self.properties) > 4 else None


def read_message(data: bytes) -> Message:
    found: dict[str, Any] = {}
    bare = len(data)
    body: list[bytes] = []
    at = 0
    while at < len(data):
        start = at
        section, at = decode(data, at)
        if not isinstance(section, Described):
            raise Malformed("a message section without a descriptor")
        if isinstance(section.descriptor, int) and section.descriptor >= PROPERTIES:
            bare = min(bare, start)
        match section.descriptor:
            case 0x70:  # header
                milliseconds = section.value[2] if len(section.value) > 2 else None
                found["ttl"] = None if milliseconds is None else milliseconds / 1_000
            case 0x72:  # message annotations
                found["annotations"] = section.value
            case 0x73:  # properties
                found["properties"] = section.value
            case 0x74:  # application properties
                found["application_properties"] = section.value
            case 0x75:  # data
                body.append(section.value)
            case 0x77:  # value
                found["body"] = section.value
    return Message(bare=data[bare:], **{"body": body, **found})


def delivered(
    message: Message,
    *,
    delivery_count: int,
    delivery_annotations: list[tuple[str, bytes]],
    annotations: list[tuple[str, bytes]],
    reason: Mapping[str, str] | None = None,
) -> bytes:
    """The message as a receiver gets it. `reason` goes to the application properties, as of a dead letter."""
    header = described(HEADER, listed([TRUE, ubyte(4), NULL, NULL, uint(delivery_count)]))
    for_delivery = described(DELIVERY_ANNOTATIONS, _annotated(delivery_annotations))
    for_message = described(MESSAGE_ANNOTATIONS, _annotated(annotations))
    return header + for_delivery + for_message + (_reasoned(message, reason) if reason else message.bare)


def answer(to: Message, said: Mapping[str, int | str], body: bytes = NULL) -> bytes:
    """A response of a request node ($cbs, $management): what it says of the outcome is in its application properties."""
    correlation = _identity(to.message_id)
    properties = described(PROPERTIES, listed([NULL, NULL, NULL, NULL, NULL, correlation]))
    told = [
        (string(name), int_(value) if isinstance(value, int) else string(value))
        for name, value in said.items()
    ]
    return properties + described(APPLICATION_PROPERTIES, mapped(told)) + described(VALUE, body)


def _identity(value: Any) -> bytes:
    """A message-id as it came: of its four types (3.2.11 to 3.2.14) a client knows its own again, and no text of it."""
    if value is None:
        return NULL
    encode: dict[type, Callable[[Any], bytes]] = {UUID: uuid, bytes: binary, int: ulong}
    return encode.get(type(value), string)(value)


def _annotated(entries: list[tuple[str, bytes]]) -> bytes:
    return mapped((symbol(name), value) for name, value in entries)


def _reasoned(message: Message, reason: Mapping[str, str]) -> bytes:
    """Its own application properties are kept where they are texts."""
    texts = {name: value for name, value in message.application_properties.items() if isinstance(value, str)}
    section = described(
        APPLICATION_PROPERTIES,
        mapped((string(name), string(value)) for name, value in {**texts, **reason}.items()),
    )
    kept = b""
    at = 0
    placed = False
    while at < len(message.bare):
        start = at
        found, at = decode(message.bare, at)
        if found.descriptor == APPLICATION_PROPERTIES:
            continue
        if found.descriptor > APPLICATION_PROPERTIES and not placed:
            kept, placed = kept + section, True
        kept += message.bare[start:at]
    return kept
