"""AMQP 1.0's type system (part 1 of the standard): values to bytes, and bytes to values."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


class Malformed(Exception):
    """Bytes that are no AMQP value."""


class Symbol(str):
    """ASCII names of the protocol, which are not strings."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it is."""

    descriptor: int | Symbol
    value: Any


NULL, TRUE, FALSE = b"\x40", b"\x41", b"\x42"


def boolean(value: bool) -> bytes:  # noqa: FBT001  # that is the value
    return TRUE if value else FALSE


def ubyte(value: int) -> bytes:
    return b"\x50%c" % value


def ushort(value: int) -> bytes:
    return struct.pack(">BH", 0x60, value)


def uint(value: int) -> bytes:
    return b"\x43" if value == 0 else b"\x52%c" % value if value < 256 else struct.pack(">BI", 0x70, value)


def int_(value: int) -> bytes:
    return struct.pack(">Bi", 0x71, value)


def ulong(value: int) -> bytes:
    return b"\x44" if value == 0 else b"\x53%c" % value if value < 256 else struct.pack(">BQ", 0x80, value)


def long(value: int) -> bytes:
    return struct.pack(">Bq", 0x81, value)


def timestamp(milliseconds: int) -> bytes:
    return struct.pack(">Bq", 0x83, milliseconds)


def uuid(value: UUID) -> bytes:
    return b"\x98" + value.bytes


def binary(value: bytes) -> bytes:
    return _variable(0xA0, value)


def string(value: str) -> bytes:
    return _variable(0xA1, value.encode())


def symbol(value: str) -> bytes:
    return _variable(0xA3, value.encode("ascii"))


def listed(fields: Sequence[bytes]) -> bytes:
    """A list of encoded values; trailing nulls are left out, as they may be."""
    kept = list(fields)
    while kept and kept[-1] == NULL:
        kept.pop()
    return _compound(0xC0, len(kept), b"".join(kept)) if kept else b"\x45"


def mapped(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    parts = [part for entry in entries for part in entry]
    return _compound(0xC1, len(parts), b"".join(parts))


def timestamps(milliseconds: Sequence[int]) -> bytes:
    """An array of timestamps."""
    body = struct.pack(">B", 0x83) + b"".join(struct.pack(">q", one) for one in milliseconds)
    return struct.pack(">BII", 0xF0, len(body) + 4, len(milliseconds)) + body


def described(descriptor: int, value: bytes) -> bytes:
    return b"\x00" + ulong(descriptor) + value


def decoded(data: bytes) -> Any:
    """The one value that the bytes are."""
    value, end = decode(data, 0)
    if end != len(data):
        raise Malformed(f"{len(data) - end} bytes behind a value")
    return value


def decode(data: bytes, at: int) -> tuple[Any, int]:
    """The value at a place, and the place behind it.

    Integers of all widths and timestamps become int, arrays lists, a value with a descriptor becomes `Described`.
    """
    try:
        code = data[at]
        if code == 0x00:
            descriptor, at = decode(data, at + 1)
            value, at = decode(data, at)
            return Described(descriptor, value), at
        return _decoded(code, data, at + 1)
    except (IndexError, KeyError, struct.error, ValueError) as error:
        raise Malformed(f"at byte {at} of {len(data)}: {error}") from None


_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_NUMBERS = {
    0x50: ">B", 0x51: ">b", 0x52: ">B", 0x53: ">B", 0x54: ">b", 0x55: ">b", 0x60: ">H", 0x61: ">h", 0x70: ">I", 0x71: ">i",
    0x72: ">f", 0x80: ">Q", 0x81: ">q", 0x82: ">d", 0x83: ">q",
}  # fmt: skip
_TEXTS: dict[int, Callable[[bytes], Any]] = {
    0x0: bytes,
    0x1: lambda data: str(data, "utf-8"),
    0x3: lambda data: Symbol(str(data, "ascii")),
}


def _decoded(code: int, data: bytes, at: int) -> tuple[Any, int]:
    kind = code >> 4
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    if code == 0x45:
        return [], at
    if kind in {0xC, 0xD, 0xE, 0xF}:
        return _decoded_compound(code, data, at)
    if kind in {0xA, 0xB}:
        size, at = _length(kind, data, at)
        return _TEXTS[code & 0xF](_slice(data, at, size)), at + size
    if 5 <= kind <= 9:
        size = 1 << (kind - 5)
        return _decoded_fixed(code, _slice(data, at, size)), at + size
    raise Malformed(f"0x{code:02x} is no constructor")


def _decoded_fixed(code: int, value: bytes) -> Any:
    if code in _NUMBERS:
        return struct.unpack(_NUMBERS[code], value)[0]
    if code == 0x56:
        return value == b"\x01"
    if code == 0x73:
        return chr(struct.unpack(">I", value)[0])
    if code == 0x98:
        return UUID(bytes=value)
    return value  # decimals, which nobody here reads


def _decoded_compound(code: int, data: bytes, at: int) -> tuple[Any, int]:
    wide = code >> 4 in {0xD, 0xF}
    size, start = _length(code >> 4, data, at)
    end = start + size
    _slice(data, start, size)
    count, at = struct.unpack_from(">I" if wide else ">B", data, start)[0], start + (4 if wide else 1)
    if count > size:
        raise Malformed(f"{count} values in {size} bytes")
    if code >> 4 in {0xE, 0xF}:
        return _decoded_array(count, data, at), end
    values = []
    for _ in range(count):
        value, at = decode(data, at)
        values.append(value)
    if code & 0xF == 0:
        return values, end
    return dict(zip(values[::2], values[1::2], strict=True)), end


def _decoded_array(count: int, data: bytes, at: int) -> list[Any]:
    code, at = data[at], at + 1
    if code == 0x00:
        _, at = decode(data, at)
        code, at = data[at], at + 1
    values = []
    for _ in range(count):
        value, at = _decoded(code, data, at)
        values.append(value)
    return values


def _length(kind: int, data: bytes, at: int) -> tuple[int, int]:
    if kind & 1:  # 0xb., 0xd., 0xf.: four bytes of length
        return struct.unpack_from(">I", data, at)[0], at + 4
    return data[at], at + 1


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise Malformed(f"{size} bytes at {at} of {len(data)}")
    return data[at : at + size]


def _variable(code: int, value: bytes) -> bytes:
    if len(value) < 256:
        return b"%c%c%b" % (code, len(value), value)
    return struct.pack(">BI", code + 0x10, len(value)) + value


def _compound(code: int, count: int, body: bytes) -> bytes:
    if len(body) < 255 and count < 256:
        return b"%c%c%c%b" % (code, len(body) + 1, count, body)
    return struct.pack(">BII", code + 0x10, len(body) + 4, count) + body
