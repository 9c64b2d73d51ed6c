"""The two directions of a link, seen from the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli.local.azure.amqp import performatives as say
from cli.local.azure.amqp.performatives import Attach, Transfer, address_of
from cli.local.azure.amqp.values import Described

if TYPE_CHECKING:
    from cli.local.azure.amqp.session import Session

SETTLED = 1
"""The sender settle mode in which messages are gone once they are sent."""


class Refusal(Exception):
    """The peer gets this as the error of a detach."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.encoded = say.error(condition, description)


class Outgoing:
    """We send: the peer has given `credit` for so many messages."""

    def __init__(self, session: Session, theirs: Attach) -> None:
        self.session = session
        self.handle = theirs.handle
        self.address = node_of(theirs.source)
        self.reply_to = address_of(theirs.target) or ""
        self.presettled = theirs.snd_settle_mode == SETTLED
        self.credit = 0
        self.delivery_count = 0

    @property
    def sendable(self) -> bool:
        return self.credit > 0 and self.session.their_window > 0

    def send(self, message: bytes, tag: bytes) -> None:
        self.session.deliver(self, message, tag)


def node_of(terminus: Described | None) -> str:
    """Some clients name a node as amqps://HOST/NODE."""
    address = address_of(terminus) or ""
    return urlsplit(address).path.lstrip("/") if "://" in address else address


@dataclass(frozen=True, slots=True)
class Received:
    """A whole message, however many frames it came in."""

    delivery_id: int
    message: bytes
    message_format: int
    settled: bool


class Incoming:
    """We receive; `credit` is what we have given the peer and it has not used."""

    CREDIT = 1_000

    def __init__(self, session: Session, theirs: Attach) -> None:
        self.session = session
        self.handle = theirs.handle
        self.address = node_of(theirs.target)
        self.max_message_size = 1024 * 1024
        self.credit = 0
        self.delivery_count = theirs.initial_delivery_count or 0
        self._first: Transfer | None = None
        self._parts: list[bytes] = []

    def take(self, said: Transfer, payload: bytes) -> Received | None:
        """None while more frames of it are to come, or when the peer gave it up."""
        if self._first is None:
            self._first = said
            self.credit -= 1
            self.delivery_count = (self.delivery_count + 1) % 2**32
        self._parts.append(payload)
        if said.more and not said.aborted:
            return None
        first, message = self._first, b"".join(self._parts)
        self._first, self._parts = None, []
        if said.aborted:
            return None
        return Received(first.delivery_id or 0, message, first.message_format, first.settled or said.settled)
