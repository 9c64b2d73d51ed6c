from __future__ import annotations

from agents.runtime import Agent, Context, Outcome
from agents.service_desk import rules
from agents.service_desk.models import (
    Answered,
    Escalated,
    OpenTicket,
    SolutionAnswer,
    SuggestSolution,
    Triage,
    TriageAnswer,
    Triaged,
    from_created,
    from_triaged,
)
from domain.entities.ticket import SupportTicket
from domain.entities.values import identifier
from domain.events.servicedesk import SolutionSuggested, TicketCreated, TicketEscalated, TicketTriaged

AGENT = Agent(
    "service-desk", description="Takes support tickets, triages them, suggests solutions, escalates."
)
AGENT.publishes(TicketCreated, TicketTriaged, SolutionSuggested, TicketEscalated)

TRIAGE = AGENT.prompt("triage", takes=Triage, returns=TriageAnswer)
SOLVE = AGENT.prompt("suggest-solution", takes=SuggestSolution, returns=SolutionAnswer)


@AGENT.change
def opened(_: SupportTicket, ticket: SupportTicket) -> SupportTicket:
    return ticket


@AGENT.change
def triaged(ticket: SupportTicket, triage: Triaged) -> SupportTicket:
    return ticket.model_copy(update={**triage.model_dump(), "status": "triaged"})


@AGENT.change
def answered(ticket: SupportTicket, answer: Answered) -> SupportTicket:
    status = "escalated" if ticket.status == "escalated" else "answered"
    return ticket.model_copy(
        update={"solution": answer.steps, "confidence": answer.confidence, "status": status}
    )


@AGENT.change
def escalated(ticket: SupportTicket, escalation: Escalated) -> SupportTicket:
    return ticket.model_copy(update={"escalated_because": escalation.reasons, "status": "escalated"})


@AGENT.task(deadline=30)
async def open_ticket(report: OpenTicket, ctx: Context) -> Outcome:
    """Open a support ticket; its triage follows by itself."""
    ticket = SupportTicket(id=identifier("TICKET", ctx.execution_id), **report.model_dump())
    return Outcome(
        output=ticket,
        events=[TicketCreated(ticket_id=ticket.id, **report.model_dump())],
        changes=[opened.to(ticket.id, ticket)],
    )


@AGENT.on(TicketCreated, from_created)
@AGENT.task()
async def triage(ticket: Triage, ctx: Context) -> Outcome:
    """Sort a ticket: the model names category and urgency, the priority follows from urgency and impact."""
    answer = await ctx.ask(TRIAGE, ticket)
    priority = rules.priority(ticket.impact, answer.urgency)
    reasons = rules.escalate_triage(priority, answer.confidence)
    about = ticket.model_dump(include={"ticket_id", "title", "description"})
    result = TicketTriaged(**about, **answer.model_dump(), priority=priority, escalated=bool(reasons))
    change = triaged.to(ticket.ticket_id, Triaged.model_validate(result.model_dump()))
    if not reasons:
        return Outcome(output=result, events=[result], changes=[change])
    escalation = TicketEscalated(**about, category=answer.category, priority=priority, reasons=reasons)
    return Outcome(
        output=result,
        events=[result, escalation],
        changes=[change, escalated.to(ticket.ticket_id, Escalated(reasons=reasons))],
    )


@AGENT.on(TicketTriaged, from_triaged)
@AGENT.task()
async def suggest_solution(ticket: SuggestSolution, ctx: Context) -> Outcome:
    """Suggest what solves a ticket, step by step; an uncertain suggestion goes to people."""
    answer = await ctx.ask(SOLVE, ticket)
    reasons = rules.escalate_solution(answer.confidence, escalated=ticket.escalated)
    about = ticket.model_dump(include={"ticket_id", "title", "description"})
    result = SolutionSuggested(**about, **answer.model_dump())
    change = answered.to(ticket.ticket_id, Answered(steps=result.steps, confidence=result.confidence))
    if not reasons:
        return Outcome(output=result, events=[result], changes=[change])
    escalation = TicketEscalated(**about, category=ticket.category, priority=ticket.priority, reasons=reasons)
    return Outcome(
        output=result,
        events=[result, escalation],
        changes=[change, escalated.to(ticket.ticket_id, Escalated(reasons=reasons))],
    )
