"""Frames: how a stream of bytes is cut into what is said, and the greetings before them (parts 2 and 5 of the standard)."""

from __future__ import annotations

import struct

from cli.local.azure.amqp.values import Malformed, described, listed, symbol, ubyte

AMQP_HEADER, SASL_HEADER = b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00"
SASL = 1
MAX_FRAME = 65_536


def frame(channel: int, body: bytes = b"", *, kind: int = 0) -> bytes:
    """Empty, it says that the connection lives."""
    return struct.pack(">IBBH", 8 + len(body), 2, kind, channel) + body


def sasl_mechanisms(name: str) -> bytes:
    return frame(0, described(0x40, listed([symbol(name)])), kind=SASL)


def sasl_welcome() -> bytes:
    return frame(0, described(0x44, listed([ubyte(0)])), kind=SASL)


def split_frames(buffer: bytearray) -> list[tuple[int, int, bytes]]:
    """Kind, channel and body of every whole frame up to the next header; they are taken out of the buffer."""
    found = []
    at = 0
    while len(buffer) - at >= 8 and buffer[at : at + 4] != b"AMQP":
        size, offset, kind, channel = struct.unpack_from(">IBBH", buffer, at)
        if size < 8 or size > MAX_FRAME or not 2 <= offset <= size // 4:
            raise Malformed(f"a frame of {size} bytes whose body begins at {offset * 4}")
        if len(buffer) - at < size:
            break
        found.append((kind, channel, bytes(buffer[at + offset * 4 : at + size])))
        at += size
    del buffer[:at]
    return found
