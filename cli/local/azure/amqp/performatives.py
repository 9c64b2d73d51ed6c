"""What frames say (parts 2 and 3 of the standard): read as objects, written as bytes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from cli.local.azure.amqp.values import (
    NULL,
    TRUE,
    Described,
    Malformed,
    binary,
    boolean,
    described,
    listed,
    mapped,
    string,
    symbol,
    ubyte,
    uint,
    ulong,
    ushort,
)

ACCEPTED, REJECTED, RELEASED, MODIFIED = 0x24, 0x25, 0x26, 0x27
"""The outcomes of a delivery."""


@dataclass(frozen=True, slots=True)
class Open:
    container_id: str = ""
    hostname: str | None = None
    max_frame_size: int = 2**32 - 1
    channel_max: int = 65_535
    idle_time_out: int | None = None  # milliseconds
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


@dataclass(frozen=True, slots=True)
class Begin:
    remote_channel: int | None = None
    next_outgoing_id: int = 0
    incoming_window: int = 0
    outgoing_window: int = 0
    handle_max: int = 2**32 - 1
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


@dataclass(frozen=True, slots=True)
class Attach:
    name: str
    handle: int
    role: bool  # True: the peer receives
    snd_settle_mode: int = 2
    rcv_settle_mode: int = 0
    source: Described | None = None
    target: Described | None = None
    unsettled: Any = None
    incomplete_unsettled: bool = False
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


@dataclass(frozen=True, slots=True)
class Flow:
    next_incoming_id: int | None = None
    incoming_window: int = 0
    next_outgoing_id: int = 0
    outgoing_window: int = 0
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool = False
    echo: bool = False
    properties: Any = None


@dataclass(frozen=True, slots=True)
class Transfer:
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int = 0
    settled: bool = False
    more: bool = False
    rcv_settle_mode: int | None = None
    state: Described | None = None
    resume: bool = False
    aborted: bool = False
    batchable: bool = False


@dataclass(frozen=True, slots=True)
class Disposition:
    role: bool  # True: from the receiver of the deliveries
    first: int
    last: int | None = None
    settled: bool = False
    state: Described | None = None
    batchable: bool = False


@dataclass(frozen=True, slots=True)
class Detach:
    handle: int
    closed: bool = False
    error: Described | None = None


@dataclass(frozen=True, slots=True)
class End:
    error: Described | None = None


@dataclass(frozen=True, slots=True)
class Close:
    error: Described | None = None


@dataclass(frozen=True, slots=True)
class SaslInit:
    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


_PERFORMATIVES: dict[int, type[Any]] = {
    0x10: Open, 0x11: Begin, 0x12: Attach, 0x13: Flow, 0x14: Transfer, 0x15: Disposition, 0x16: Detach, 0x17: End, 0x18: Close,
    0x41: SaslInit,
}  # fmt: skip


def performative(value: Any) -> Any:
    """One of the classes above; Malformed for anything else."""
    if not (isinstance(value, Described) and isinstance(value.value, list)):
        raise Malformed(f"a frame that begins with {value!r}")
    kind = _PERFORMATIVES.get(value.descriptor) if isinstance(value.descriptor, int) else None
    if kind is None:
        raise Malformed(f"the performative {value.descriptor!r}")
    given = {
        field.name: one for field, one in zip(fields(kind), value.value, strict=False) if one is not None
    }
    try:
        return kind(**given)
    except TypeError as error:
        raise Malformed(f"{kind.__name__}: {error}") from None


def open_(container: str, max_frame: int) -> bytes:
    return described(0x10, listed([string(container), NULL, uint(max_frame), ushort(4_999)]))


def begin(remote_channel: int, window: int) -> bytes:
    return described(0x11, listed([ushort(remote_channel), uint(0), uint(window), uint(window)]))


def attach(theirs: Attach, *, refused: bool, max_message_size: int | None) -> bytes:
    """The answer to theirs: the same settle modes and addresses; none of them where there is nothing to attach to."""
    source, target = (
        (NULL, NULL) if refused else (_terminus(0x28, theirs.source), _terminus(0x29, theirs.target))
    )
    from_us = uint(0) if theirs.role else NULL
    size = NULL if max_message_size is None else ulong(max_message_size)
    answer = [
        string(theirs.name), uint(theirs.handle), boolean(not theirs.role), ubyte(theirs.snd_settle_mode),
        ubyte(theirs.rcv_settle_mode), source, target, NULL, NULL, from_us, size,
    ]  # fmt: skip
    return described(0x12, listed(answer))


def flow(
    next_incoming_id: int,
    window: int,
    next_outgoing_id: int,
    *,
    handle: int | None = None,
    delivery_count: int = 0,
    credit: int = 0,
    drain: bool = False,
) -> bytes:
    session = [uint(next_incoming_id), uint(window), uint(next_outgoing_id), uint(window)]
    if handle is None:
        return described(0x13, listed(session))
    link = [uint(handle), uint(delivery_count), uint(credit), NULL, boolean(drain)]
    return described(0x13, listed([*session, *link]))


def transfer(handle: int, delivery_id: int, tag: bytes, *, settled: bool, more: bool) -> bytes:
    return described(
        0x14,
        listed([uint(handle), uint(delivery_id), binary(tag), uint(0), boolean(settled), boolean(more)]),
    )


def disposition(*, role: bool, delivery: int, state: bytes) -> bytes:
    return described(0x15, listed([boolean(role), uint(delivery), NULL, TRUE, state]))


def detach(handle: int, error: bytes = NULL) -> bytes:
    return described(0x16, listed([uint(handle), TRUE, error]))


def end(error: bytes = NULL) -> bytes:
    return described(0x17, listed([error]))


def close(error: bytes = NULL) -> bytes:
    return described(0x18, listed([error]))


def error(condition: str, description: str) -> bytes:
    """With all of its fields: Microsoft's Python client looks for the third, which the standard lets one leave out."""
    return described(0x1D, listed([symbol(condition), string(description), mapped([])]))


def accepted() -> bytes:
    return described(ACCEPTED, listed([]))


def rejected(reason: bytes) -> bytes:
    return described(REJECTED, listed([reason]))


def _terminus(descriptor: int, theirs: Described | None) -> bytes:
    address = address_of(theirs)
    return described(descriptor, listed([string(address) if address is not None else NULL]))


def address_of(terminus: Described | None) -> str | None:
    values = terminus.value if terminus is not None else []
    return str(values[0]) if values and values[0] is not None else None
