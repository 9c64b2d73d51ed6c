"""A session of a connection: its links, what flows on them, and what becomes of each delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from cli.local.azure.amqp import performatives as say
from cli.local.azure.amqp.links import Incoming, Outgoing, Refusal
from cli.local.azure.amqp.performatives import Attach, Begin, Detach, Disposition, Flow, Transfer
from cli.local.azure.amqp.values import Described, Malformed

if TYPE_CHECKING:
    from cli.local.azure.amqp.connection import Connection

WINDOW = 2**31 - 1
"""Transfers that we take in one session: the clients' own limits are the links' credit."""


class Service(Protocol):
    """What the connections are for."""

    def sender_attached(self, link: Outgoing) -> None:
        """The peer wants to receive from `link.address`; raises Refusal."""
        ...

    def receiver_attached(self, link: Incoming) -> None:
        """The peer wants to send to `link.address`; raises Refusal."""
        ...

    def received(self, link: Incoming, message: bytes, message_format: int) -> bytes:
        """The outcome, encoded."""
        ...

    def settled(self, link: Outgoing, tag: bytes, state: Described | None) -> bytes:
        """The peer's word about a delivery; the answer to it, encoded."""
        ...

    def credited(self, link: Outgoing) -> None:
        """The peer takes more."""
        ...

    def detached(self, link: Outgoing | Incoming) -> None: ...


class Session:
    def __init__(self, connection: Connection, service: Service, channel: int, theirs: Begin) -> None:
        self.connection = connection
        self.their_window = theirs.incoming_window
        self.next_outgoing_id = 0
        self._service = service
        self._channel = channel
        self._next_incoming_id = theirs.next_outgoing_id
        self._links: dict[int, Outgoing | Incoming] = {}
        self._unsettled: dict[int, tuple[Outgoing, bytes]] = {}
        """By delivery id: what was sent, and is not settled yet."""

    def handle(self, said: Any, payload: bytes) -> None:
        match said:
            case Attach():
                self._attached(said)
            case Flow():
                self._flowed(said)
            case Transfer():
                self._transferred(said, payload)
            case Disposition():
                self._disposed(said)
            case Detach():
                link = self._links.pop(said.handle, None)
                if link is not None:
                    self._release(link)
                    self._send(say.detach(said.handle))
            case _:
                raise Malformed(f"{type(said).__name__} in a session")

    def end(self) -> None:
        """What was sent and not settled stays with the service."""
        for link in self._links.values():
            self._service.detached(link)
        self._links.clear()
        self._unsettled.clear()

    def deliver(self, link: Outgoing, message: bytes, tag: bytes) -> None:
        """Send a message on a link that has credit."""
        delivery, at, room = self.next_outgoing_id, 0, self.connection.their_max_frame - 128
        while at == 0 or at < len(message):
            more = at + room < len(message)
            head = say.transfer(link.handle, delivery, tag, settled=link.presettled, more=more)
            self._send(head + message[at : at + room])
            self.next_outgoing_id = (self.next_outgoing_id + 1) % 2**32
            self.their_window -= 1
            at += room
        link.credit -= 1
        link.delivery_count = (link.delivery_count + 1) % 2**32
        if not link.presettled:
            self._unsettled[delivery] = (link, tag)

    def _attached(self, said: Attach) -> None:
        if said.handle in self._links:
            raise Malformed(f"handle {said.handle} is attached twice")
        link: Outgoing | Incoming
        try:
            if said.role:
                link = Outgoing(self, said)
                self._service.sender_attached(link)
            else:
                link = Incoming(self, said)
                self._service.receiver_attached(link)
        except Refusal as refusal:
            # An attach with neither source nor target, and a detach that says why.
            self._send(say.attach(said, refused=True, max_message_size=None))
            self._send(say.detach(said.handle, refusal.encoded))
            return
        self._links[said.handle] = link
        size = link.max_message_size if isinstance(link, Incoming) else None
        self._send(say.attach(said, refused=False, max_message_size=size))
        if isinstance(link, Incoming):
            self._give_credit(link)

    def _flowed(self, said: Flow) -> None:
        self.their_window = (said.next_incoming_id or 0) + said.incoming_window - self.next_outgoing_id
        link = self._links.get(said.handle) if said.handle is not None else None
        if isinstance(link, Outgoing):
            link.credit = (said.delivery_count or 0) + (said.link_credit or 0) - link.delivery_count
            self._service.credited(link)
            if said.drain:
                link.delivery_count += max(0, link.credit)
                link.credit = 0
                self._send_flow(link, drain=True)
        for other in self._links.values():
            if isinstance(other, Outgoing) and other is not link:
                self._service.credited(other)
        if said.echo and not said.drain:
            self._send_flow(link)

    def _transferred(self, said: Transfer, payload: bytes) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) % 2**32
        link = self._links.get(said.handle)
        if not isinstance(link, Incoming):
            return  # it was detached meanwhile
        if (whole := link.take(said, payload)) is None:
            return
        if len(whole.message) > link.max_message_size:
            self._refuse_size(link, len(whole.message))
            return
        outcome = self._service.received(link, whole.message, whole.message_format)
        if not whole.settled:
            self._send(say.disposition(role=True, delivery=whole.delivery_id, state=outcome))
        if link.credit < link.CREDIT // 2:
            self._give_credit(link)

    def _refuse_size(self, link: Incoming, size: int) -> None:
        told = f"The received message (size:{size} bytes) exceeds the limit ({link.max_message_size} bytes) currently allowed on the link."
        del self._links[link.handle]
        self._service.detached(link)
        self._send(say.detach(link.handle, say.error("amqp:link:message-size-exceeded", told)))

    def _disposed(self, said: Disposition) -> None:
        if not said.role:
            return  # the end of one that we have settled
        last = said.first if said.last is None else said.last
        for delivery in range(said.first, min(last, said.first + 10_000) + 1):
            if (sent := self._unsettled.pop(delivery, None)) is None:
                continue
            link, tag = sent
            answer = self._service.settled(link, tag, said.state)
            if not said.settled:
                self._send(say.disposition(role=False, delivery=delivery, state=answer))

    def _give_credit(self, link: Incoming) -> None:
        link.credit = link.CREDIT
        self._send_flow(link)

    def _send_flow(self, link: Outgoing | Incoming | None = None, *, drain: bool = False) -> None:
        window = (self._next_incoming_id, WINDOW, self.next_outgoing_id)
        if link is None:
            self._send(say.flow(*window))
            return
        told = say.flow(
            *window, handle=link.handle, delivery_count=link.delivery_count, credit=link.credit, drain=drain
        )
        self._send(told)

    def _release(self, link: Outgoing | Incoming) -> None:
        for delivery in [number for number, (of, _) in self._unsettled.items() if of is link]:
            del self._unsettled[delivery]
        self._service.detached(link)

    def _send(self, body: bytes) -> None:
        self.connection.send(self._channel, body)
