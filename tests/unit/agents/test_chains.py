"""The agents together: what one publishes, the next reacts to."""

from __future__ import annotations

from agents.devops import AGENT as DEVOPS
from agents.implementation import AGENT as IMPLEMENTATION
from agents.notification import AGENT as NOTIFICATION
from agents.service_desk import AGENT as SERVICE_DESK
from agents.test_planning import AGENT as TEST_PLANNING
from domain.ports.channel import NotificationChannel
from infrastructure.memory.channel import MemoryChannel
from infrastructure.testing.platform import MemoryPlatform

ALL = [NOTIFICATION, DEVOPS, TEST_PLANNING, IMPLEMENTATION, SERVICE_DESK]


async def test_a_feature_ends_as_one_notification_under_one_correlation() -> None:
    channel = MemoryChannel(confirms=True)
    feature = {"feature_title": "パスワード再設定", "description": "メールのリンクは一度だけ使えます。"}
    async with MemoryPlatform(ALL, effects={NotificationChannel: channel}) as platform:
        await platform.execute("test-planning", "generate-spec", feature, correlation_id="c-1")
        await platform.quiet()
        events = platform.events
    assert [event.type.removeprefix("agents.") for event in events] == [
        "testplanning.spec.generated",
        "implementation.code.generated",
        "notification.send.requested",
        "notification.sent.completed",
        "notification.delivery.confirmed",
    ]
    assert {event.correlationid for event in events} == {"c-1"}
    assert [event.hops for event in events] == sorted(event.hops for event in events)
    assert len(channel.sent) == 1
    assert channel.sent[0].correlation_id == "c-1"


async def test_an_escalated_ticket_ends_as_an_issue_and_a_notification() -> None:
    channel = MemoryChannel()
    report = {"title": "VPN", "description": "Alles steht.", "reporter": "Max", "impact": "company"}
    async with MemoryPlatform(ALL, effects={NotificationChannel: channel}) as platform:
        await platform.execute("service-desk", "open-ticket", report, correlation_id="c-2")
        await platform.quiet()
        events = platform.events
    # The smallest answers are entirely unsure: the triage escalates.
    assert sorted(event.type.removeprefix("agents.") for event in events) == [
        "devops.issue.created",
        "notification.send.requested",
        "notification.sent.completed",
        "servicedesk.solution.suggested",
        "servicedesk.ticket.created",
        "servicedesk.ticket.escalated",
        "servicedesk.ticket.triaged",
    ]
    assert {event.correlationid for event in events} == {"c-2"}
    assert len(channel.sent) == 1
