from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.notification import AGENT
from agents.notification.models import Compose, Draft
from agents.notification.rules import from_code, from_ticket, headline
from domain.errors import InvalidInput, Rejected, Transient, Unavailable
from domain.event import Event
from domain.events.implementation import CodeGenerated
from domain.events.servicedesk import TicketEscalated
from domain.ports.channel import NotificationChannel
from infrastructure.memory.channel import MemoryChannel
from infrastructure.testing import Model
from infrastructure.testing.platform import MemoryPlatform

CODE = CodeGenerated.model_validate(
    {
        "code_id": "CODE-1",
        "feature_title": "Password reset",
        "language": "python",
        "files": [{"path": "src/links.py", "language": "python", "content": "x"}],
        "explanation": "Keeps used links.",
    }
)
TICKET = TicketEscalated.model_validate(
    {
        "ticket_id": "TICKET-1",
        "title": "VPN down",
        "description": "Nobody can work.",
        "category": "network",
        "priority": "critical",
        "reasons": ["the priority is critical"],
    }
)
DRAFT = {"subject": "VPN is down", "body": "Nobody can work.\nThe network team is on it."}
MESSAGE = {"subject": "VPN is down", "body": "Nobody can work.", "recipients": ["ops@example.com"]}


def platform_with(channel: MemoryChannel, **answers: Any) -> MemoryPlatform:
    return MemoryPlatform([AGENT], model=Model(**answers), effects={NotificationChannel: channel})


async def test_a_dead_letter_of_another_agent_is_told_without_asking_a_model() -> None:
    channel = MemoryChannel()
    letter = {
        "execution_id": "0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e",
        "agent": "implementation",
        "task": "generate-code",
        "cause": "model_truncated",
        "message": "the answer was cut off",
        "attempts": 3,
        "original": {"data": {}},
    }
    kind = "agents.implementation.dead-letter"
    async with platform_with(channel) as platform:
        platform.publish(Event(id="1", source="/agents/implementation", type=kind, data=letter))
        await platform.quiet()
        assert platform.model.requests == []  # type: ignore[attr-defined]
    (notification,) = channel.sent
    assert notification.subject == "Failed for good: implementation/generate-code (model_truncated)"
    assert notification.body == (
        "the answer was cut off\n\nAttempts: 3. The work is kept.\n"
        "Look at it:  agents dead-letters show 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e\n"
        "Once the cause is mended:  agents dead-letters replay 0b54a5f6-3c51-5a3a-9f52-4b6d3c1f9d0e"
    )


async def test_what_happened_is_drafted_and_sent_once_as_two_executions() -> None:
    channel = MemoryChannel()
    asked = {"what_happened": "The VPN is down.", "recipients": ["ops@example.com"], "severity": "error"}
    async with platform_with(channel, compose=DRAFT) as platform:
        execution = await platform.execute("notification", "compose", asked, correlation_id="order-17")
        await platform.quiet()
        types = [event.type for event in platform.events]
        requested, sent = platform.events
    assert types == ["agents.notification.send.requested", "agents.notification.sent.completed"]
    assert requested.data["subject"] == "VPN is down"
    assert requested.data["severity"] == "error"
    assert sent.data["notification_id"] == requested.data["notification_id"]
    assert sent.correlationid == "order-17"
    (notification,) = channel.sent
    assert notification.idempotency_key != execution.id
    assert notification.correlation_id == "order-17"
    assert notification.recipients == ("ops@example.com",)
    assert notification.subject == "VPN is down"
    assert notification.body == "Nobody can work.\nThe network team is on it."


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (CODE, ["Password reset", "src/links.py", "Keeps used links.", "Severity: info"]),
        (TICKET, ["TICKET-1", "VPN down", "the priority is critical", "Severity: critical"]),
    ],
)
async def test_events_of_other_agents_are_told(payload: Any, words: list[str]) -> None:
    channel = MemoryChannel()
    async with platform_with(channel, compose=DRAFT) as platform:
        data = payload.model_dump(mode="json")
        platform.publish(Event(id="1", source="/tests", type=payload.event_type, data=data))
        await platform.quiet()
        model: Any = platform.model
        assert [word for word in words if word not in model.told] == []
    assert channel.sent[0].recipients == ()


@pytest.mark.parametrize(
    ("confirms", "types", "status"),
    [
        (False, ["sent.completed"], "sent"),
        (True, ["sent.completed", "delivery.confirmed"], "delivered"),
    ],
)
async def test_only_what_the_channel_confirms_is_delivered(
    confirms: bool, types: list[str], status: str
) -> None:
    async with platform_with(MemoryChannel(confirms=confirms)) as platform:
        execution = await platform.execute("notification", "send", MESSAGE)
        published = platform.events
    assert [event.type.removeprefix("agents.notification.") for event in published] == types
    assert execution.output["status"] == status
    assert execution.output["channel"] == "memory"
    assert execution.output["reference"] == execution.id


async def test_a_refused_notification_is_an_outcome_not_an_error() -> None:
    channel = MemoryChannel()
    channel.failures.append(Rejected("550 no such user"))
    async with platform_with(channel) as platform:
        execution = await platform.execute("notification", "send", MESSAGE)
        (failed,) = platform.events
    assert execution.status == "completed"
    assert execution.output["status"] == "refused"
    assert failed.type == "agents.notification.delivery.failed"
    assert failed.data["reason"] == "550 no such user"
    assert channel.sent == []


@pytest.mark.parametrize("failure", [Unavailable("busy"), Transient("lost")])
async def test_a_try_that_failed_is_repeated_under_the_same_key(failure: Any) -> None:
    channel = MemoryChannel()
    channel.failures.append(failure)
    channel.lose_answers = True
    data = {**MESSAGE, "notification_id": "NOTE-1"}
    async with platform_with(channel) as platform:
        kind = "agents.notification.send.requested"
        platform.publish(Event(id="1", source="/agents/notification", type=kind, data=data))
        async with asyncio.timeout(60):
            while not platform.events[1:]:
                await platform.quiet()
    assert [event.type for event in platform.events] == [kind, "agents.notification.sent.completed"]
    first, second = channel.sent
    assert first.idempotency_key == second.idempotency_key


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"subject": "a\r\nBcc: x@example.com"}, "subject"),
        ({"subject": "a\x0bb"}, "subject"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": " "}, "subject"),
        ({"body": ""}, "body"),
        ({"body": "x" * 4001}, "body"),
        ({"recipients": ["no address"]}, "recipients.0"),
        ({"recipients": ["a@example.com\r\nDATA"]}, "recipients.0"),
        ({"recipients": ["a@example.com>"]}, "recipients.0"),
        ({"recipients": ["jürgen@example.com"]}, "recipients.0"),
        ({"recipients": ["x@example.com"] * 51}, "recipients"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_the_channel_sees_it(
    wrong: dict[str, Any], field: str
) -> None:
    channel = MemoryChannel()
    async with platform_with(channel) as platform:
        with pytest.raises(InvalidInput) as caught:
            await platform.execute("notification", "send", MESSAGE | wrong)
    assert [problem["field"] for problem in caught.value.details["errors"]] == [field]
    assert channel.sent == []


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("VPN is down", "VPN is down"),
        ("VPN\r\nBcc: all@example.com", "VPN Bcc: all@example.com"),
        ("\x01\x02", "The VPN is down."),
        ("x" * 120, "x" * 120),
    ],
)
def test_the_models_subject_becomes_one_line(subject: str, line: str) -> None:
    asked = Compose(what_happened="The VPN\nis down.")
    assert headline(Draft(subject=subject, body="b"), asked) == line


def test_a_ticket_is_told_within_bounds() -> None:
    long = TICKET.model_copy(update={"description": "字" * 8000, "reasons": ("r" * 500,) * 5})
    asked = from_ticket(long)
    assert len(asked.what_happened) == 4000
    assert asked.what_happened.endswith("…")
    assert asked.severity == "critical"


def test_code_is_told_by_its_files() -> None:
    assert from_code(CODE).what_happened == (
        "Code was generated for “Password reset” in python.\n"
        "Files: src/links.py.\n"
        "Explanation: Keeps used links."
    )
