"""What needs no model: what to tell of an event, to whom, how urgently."""

from __future__ import annotations

from agents.notification.models import Compose, Draft, Send
from domain.entities.text import clip, one_line
from domain.entities.values import Priority, Severity
from domain.events.dead_letters import DeadLettered
from domain.events.implementation import CodeGenerated
from domain.events.notification import SendRequested
from domain.events.servicedesk import TicketEscalated

MAX_SUBJECT = 120
SEVERITY_OF: dict[Priority, Severity] = {
    "low": "info",
    "medium": "warning",
    "high": "error",
    "critical": "critical",
}


def from_code(code: CodeGenerated) -> Compose:
    paths = ", ".join(file.path for file in code.files)
    return Compose(
        what_happened=f"Code was generated for “{code.feature_title}” in {code.language}.\n"
        f"Files: {paths}.\nExplanation: {code.explanation}",
        audience="the developers of this feature",
    )


def from_ticket(ticket: TicketEscalated) -> Compose:
    reasons = "; ".join(ticket.reasons)
    told = f"Support ticket {ticket.ticket_id} “{ticket.title}” was escalated with priority {ticket.priority}: {reasons}."
    return Compose(
        what_happened=clip(f"{told}\n{ticket.description}", 4000),
        audience="the support team's leads",
        severity=SEVERITY_OF[ticket.priority],
    )


def from_request(request: SendRequested) -> Send:
    return Send(
        subject=request.subject_line,
        body=request.body,
        recipients=request.recipients,
        notification_id=request.notification_id,
    )


def from_dead_letter(letter: DeadLettered) -> Send:
    """Plain words, no model: what failed may be the model."""
    return Send(
        subject=clip(
            one_line(f"Failed for good: {letter.agent}/{letter.task} ({letter.cause})"), MAX_SUBJECT
        ),
        body=clip(
            f"{letter.message}\n\nAttempts: {letter.attempts}. The work is kept.\n"
            f"Look at it:  agents dead-letters show {letter.execution_id}\n"
            f"Once the cause is mended:  agents dead-letters replay {letter.execution_id}",
            4000,
        ),
    )


def headline(draft: Draft, asked: Compose) -> str:
    """The subject as one line; of what happened, when the model's has nothing readable."""
    return clip(one_line(draft.subject) or one_line(asked.what_happened) or "Notification", MAX_SUBJECT)
