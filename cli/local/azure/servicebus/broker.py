"""What clients may attach to: topics to send to, subscriptions to receive from, and the nodes that answer requests."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from uuid import UUID

from cli.local.azure.amqp import performatives as say
from cli.local.azure.amqp.links import Incoming, Outgoing, Refusal
from cli.local.azure.amqp.messages import BATCH, Message, answer, read_message
from cli.local.azure.amqp.values import NULL, Described, Malformed
from cli.local.azure.servicebus.management import Answer, manage
from cli.local.azure.servicebus.subscription import Subscription
from cli.local.azure.servicebus.tokens import checked, covers
from cli.local.azure.servicebus.topology import TopicSettings, Topology

TOKENS, MANAGEMENT = "$cbs", "/$management"


@dataclass
class Topic:
    settings: TopicSettings
    subscriptions: list[Subscription]


@dataclass
class Replies:
    """Answers to requests, on their way to who asked: he may ask before he has given credit for the answer."""

    link: Outgoing
    waiting: list[bytes] = field(default_factory=list)

    def hand_out(self) -> None:
        while self.waiting and self.link.sendable:
            self.link.send(self.waiting.pop(0), b"%d" % self.link.delivery_count)


@dataclass
class Faults:
    """What the tests make go wrong: `busy_until` is a time.monotonic()."""

    busy_until: float = 0.0
    refused: int = field(default=0)

    @property
    def busy(self) -> bool:
        return time.monotonic() < self.busy_until


class Broker:
    """A namespace: the `Service` of its connections."""

    def __init__(self, topology: Topology) -> None:
        self.faults = Faults()
        self.topics = {name.lower(): _topic(name, settings) for name, settings in topology.topics.items()}
        self.queues: dict[str, Subscription] = {}
        for topic in self.topics.values():
            for subscription in topic.subscriptions:
                self.queues[subscription.path.lower()] = subscription
                if subscription.dead_letters is not None:
                    self.queues[subscription.dead_letters.path.lower()] = subscription.dead_letters
        self._replies: dict[tuple[int, str], Replies] = {}

    def sender_attached(self, link: Outgoing) -> None:
        if _asks(link.address):
            self._replies[_reply_key(link, link.reply_to)] = Replies(link)
            return
        queue = self.queues.get(link.address.lower())
        if queue is None:
            raise _unknown(link.address)
        _require_token(link)
        queue.links.append(link)

    def receiver_attached(self, link: Incoming) -> None:
        if _asks(link.address):
            return
        topic = self.topics.get(link.address.lower())
        if topic is None:
            raise _unknown(link.address)
        _require_token(link)
        link.max_message_size = topic.settings.max_message_bytes

    def credited(self, link: Outgoing) -> None:
        if queue := self.queues.get(link.address.lower()):
            queue.hand_out()
        elif replies := self._replies.get(_reply_key(link, link.reply_to)):
            replies.hand_out()

    def detached(self, link: Outgoing | Incoming) -> None:
        """What it has locked stays locked until the lock ends."""
        if isinstance(link, Incoming):
            return
        if queue := self.queues.get(link.address.lower()):
            queue.links = [other for other in queue.links if other is not link]
        self._replies.pop(_reply_key(link, link.reply_to), None)

    def received(self, link: Incoming, message: bytes, message_format: int) -> bytes:
        try:
            read = read_message(message)
            several = [read_message(data) for data in read.body] if message_format == BATCH else [read]
        except (Malformed, TypeError) as error:
            return say.rejected(say.error("amqp:decode-error", str(error)))
        if _asks(link.address):
            self._respond(link, read)
        elif self.faults.busy:
            self.faults.refused += 1
            told = "The request was terminated because the entity is being throttled. Please wait 10 seconds and try again."
            return say.rejected(say.error("com.microsoft:server-busy", told))
        else:
            for one in several:
                for subscription in self.topics[link.address.lower()].subscriptions:
                    subscription.put(one)
        return say.accepted()

    def settled(self, link: Outgoing, tag: bytes, state: Described | None) -> bytes:
        queue = self.queues.get(link.address.lower())
        if queue is None:
            return say.accepted()  # an answer of ours
        token = UUID(bytes_le=tag)
        match state.descriptor if state is not None else None:
            case say.ACCEPTED:
                held = queue.completed(token)
            case say.REJECTED:
                held = queue.rejected(token, _reason(state))
            case say.RELEASED:
                held = queue.released(token)
            case _:
                held = queue.abandoned(token)
        return say.accepted() if held else say.rejected(_LOCK_LOST)

    def _respond(self, link: Incoming, request: Message) -> None:
        # Who names no address for the answer has a link that receives from the same node, as Microsoft's Python client.
        to = self._replies.get(_reply_key(link, request.reply_to or link.address))
        if to is None:
            return  # nobody waits for it
        if link.address == TOKENS:
            status, told, body = self._take_token(link, request)
            said: dict[str, int | str] = {"status-code": status, "status-description": told}
        else:
            status, told, body = self._manage(link, request)
            said = {"statusCode": status, "statusDescription": told}
            if status in _CONDITIONS:
                said["errorCondition"] = _CONDITIONS[status]
        to.waiting.append(answer(request, said, body))
        to.hand_out()

    def _take_token(self, link: Incoming, request: Message) -> Answer:
        asked = request.application_properties
        if asked.get("operation") != "put-token":
            return 400, f"operation {asked.get('operation')!r} is unknown", NULL
        claim = checked(str(request.body), str(asked.get("name")))
        if claim is None:
            return 401, "InvalidSignature: The token has an invalid signature.", NULL
        link.session.connection.authorized[claim.entity] = claim.expiry
        return 202, "Accepted", NULL

    def _manage(self, link: Incoming, request: Message) -> Answer:
        entity = link.address[: -len(MANAGEMENT)].lower()
        if not _authorized(link, entity):
            return 401, "Unauthorized access. 'Listen' claim(s) are required to perform this operation.", NULL
        if entity not in self.queues:
            return 404, f"The messaging entity '{entity}' could not be found.", NULL
        return manage(self.queues[entity], request)


_CONDITIONS = {
    401: "amqp:unauthorized-access",
    404: "amqp:not-found",
    410: "com.microsoft:message-lock-lost",
}
_LOCK_LOST = say.error(
    _CONDITIONS[410],
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
)


def _topic(name: str, settings: TopicSettings) -> Topic:
    subscriptions = [
        Subscription(f"{name}/Subscriptions/{one}", how) for one, how in settings.subscriptions.items()
    ]
    return Topic(settings, subscriptions)


def _reply_key(link: Outgoing | Incoming, address: str) -> tuple[int, str]:
    return id(link.session.connection), address


def _asks(address: str) -> bool:
    return address == TOKENS or address.lower().endswith(MANAGEMENT)


def _authorized(link: Outgoing | Incoming, entity: str) -> bool:
    claims = link.session.connection.authorized.items()
    return any(covers(claim, entity.lower()) and expiry > time.time() for claim, expiry in claims)


def _require_token(link: Outgoing | Incoming) -> None:
    if not _authorized(link, link.address):
        raise Refusal(
            "amqp:unauthorized-access",
            f"Unauthorized access. A token for '{link.address}' has to be put first.",
        )


def _unknown(address: str) -> Refusal:
    return Refusal("amqp:not-found", f"The messaging entity '{address}' could not be found.")


def _reason(state: Described | None) -> dict[str, str]:
    """Of a rejection: the client puts its words into the error's info."""
    problem = state.value[0].value if state is not None and state.value and state.value[0] else []
    info = problem[2] if len(problem) > 2 and isinstance(problem[2], dict) else {}
    return {str(name): str(value) for name, value in info.items()}
