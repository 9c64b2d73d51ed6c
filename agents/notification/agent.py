from __future__ import annotations

from agents.notification.models import Compose, Delivery, Draft, Send
from agents.notification.rules import from_code, from_dead_letter, from_request, from_ticket, headline
from agents.runtime import Agent, Context, Outcome
from domain.entities.text import clip
from domain.entities.values import identifier
from domain.errors import Rejected
from domain.events.dead_letters import (
    DevopsDeadLettered,
    ImplementationDeadLettered,
    ServiceDeskDeadLettered,
    TestPlanningDeadLettered,
)
from domain.events.implementation import CodeGenerated
from domain.events.notification import DeliveryConfirmed, DeliveryFailed, SendRequested, SentCompleted
from domain.events.servicedesk import TicketEscalated
from domain.ports.channel import Notification, NotificationChannel

AGENT = Agent(
    "notification", description="Tells people: drafts notifications, and sends them by mail or webhook."
)
AGENT.publishes(SendRequested, SentCompleted, DeliveryConfirmed, DeliveryFailed)

COMPOSE = AGENT.prompt("compose", takes=Compose, returns=Draft)


@AGENT.on(CodeGenerated, from_code)
@AGENT.on(TicketEscalated, from_ticket)
@AGENT.task()
async def compose(asked: Compose, ctx: Context) -> Outcome:
    """Draft a notification of what happened; sending it is work of its own."""
    draft = await ctx.ask(COMPOSE, asked)
    request = SendRequested(
        notification_id=identifier("NOTE", ctx.execution_id),
        recipients=asked.recipients,
        subject=headline(draft, asked),
        body=draft.body,
        severity=asked.severity,
    )
    return Outcome(output=request, events=[request])


# Dead letters come only where AGENTS_RECEIVE_DEAD_LETTERS is set. Our own never do: what cannot be sent would be
# told by sending.
@AGENT.on(DevopsDeadLettered, from_dead_letter)
@AGENT.on(ImplementationDeadLettered, from_dead_letter)
@AGENT.on(ServiceDeskDeadLettered, from_dead_letter)
@AGENT.on(TestPlanningDeadLettered, from_dead_letter)
@AGENT.on(SendRequested, from_request)
@AGENT.task(deadline=120)
async def send(message: Send, ctx: Context) -> Outcome:
    """Send a notification by the channel that the settings name: the webhook, or mail."""
    notification_id = message.notification_id or identifier("NOTE", ctx.execution_id)
    channel = await ctx.effect(NotificationChannel)
    try:
        receipt = await channel.send(
            Notification(
                idempotency_key=ctx.execution_id,
                correlation_id=ctx.correlation_id,
                recipients=message.recipients,
                subject=message.subject,
                body=message.body,
            )
        )
    except Rejected as refusal:
        reason = clip(refusal.message, 500)
        return Outcome(
            output=Delivery(notification_id=notification_id, status="refused", reason=reason),
            events=[DeliveryFailed(notification_id=notification_id, reason=reason)],
        )
    sent = SentCompleted(
        notification_id=notification_id, channel=receipt.channel, reference=receipt.reference
    )
    confirmed = [DeliveryConfirmed(**sent.model_dump())] if receipt.confirmed else []
    status = "delivered" if receipt.confirmed else "sent"
    return Outcome(output=Delivery(**sent.model_dump(), status=status), events=[sent, *confirmed])
