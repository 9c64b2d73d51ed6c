"""The kit itself: what a test of a handler can do with it, and what it is told when it claims something that is not so."""

from __future__ import annotations

import asyncio

import pytest

from agents.devops import AGENT as DEVOPS
from agents.implementation import AGENT as IMPLEMENTATION
from agents.notification import AGENT as NOTIFICATION
from agents.runtime import Agent, Context, Outcome
from agents.service_desk import AGENT as SERVICE_DESK
from domain.entities.board import Board
from domain.entities.ticket import SupportTicket
from domain.errors import InvalidInput, ModelUnavailable
from domain.events.implementation import CodeGenerated
from domain.events.notification import SendRequested
from domain.events.servicedesk import TicketCreated, TicketEscalated
from domain.events.testplanning import SpecGenerated
from domain.ports.channel import NotificationChannel
from infrastructure.memory.channel import MemoryChannel
from infrastructure.testing import Model, in_turn, in_virtual_time, platform, smallest
from infrastructure.testing.mortal import POINTS, Point

SPEC = smallest(SpecGenerated)
TICKET = smallest(TicketEscalated)


async def test_an_event_gives_the_events_that_it_set_off() -> None:
    async with platform(IMPLEMENTATION) as p:
        out = await p.publish(SPEC, correlation_id="c-1")
    assert out.completed().one(CodeGenerated).feature_title == SPEC.feature_title
    assert out.execution.correlation_id == "c-1"
    assert {event.correlationid for event in out.only(CodeGenerated).events} == {"c-1"}


async def test_a_chain_of_agents_is_awaited_to_its_end() -> None:
    channel = MemoryChannel()
    async with platform(IMPLEMENTATION, NOTIFICATION, effects={NotificationChannel: channel}) as p:
        out = await p.publish(SPEC)
    assert [event.type.rpartition("agents.")[2] for event in out.events] == [
        "implementation.code.generated",
        "notification.send.requested",
        "notification.sent.completed",
    ]
    assert len(channel.sent) == 1


async def test_a_task_is_run_and_its_entity_read() -> None:
    async with platform(SERVICE_DESK) as p:
        out = await p.run("open-ticket", {"title": "VPN", "description": "Down.", "reporter": "Max"})
        ticket = await p.read(SupportTicket, out.output["id"])
    assert ticket is not None
    assert ticket.title == "VPN"
    assert out.one(TicketCreated).title == "VPN"


async def test_an_input_that_does_not_fit_raises() -> None:
    async with platform(SERVICE_DESK) as p:
        with pytest.raises(InvalidInput):
            await p.run("open-ticket", {"title": "VPN"})


async def test_two_deliveries_are_one_execution() -> None:
    async with platform(DEVOPS) as p:
        out = await p.deliver_twice(TICKET)
        board = await p.read(Board, "main")
    assert board is not None
    assert len(board.issues) == 1
    assert len(out.completed().events) == 1


@pytest.mark.parametrize("point", POINTS)
async def test_work_whose_process_is_killed_is_done_by_another_and_its_events_are_one(point: Point) -> None:
    channel = MemoryChannel()
    async with platform(NOTIFICATION, effects={NotificationChannel: channel}) as p:
        p.crash_after(point)
        out = await p.publish(smallest(SendRequested))
    out.completed()
    assert p.deaths == 1
    assert len({event.id for event in out.events}) == 1
    assert len({one.idempotency_key for one in channel.sent}) == 1
    assert len(channel.sent) == (2 if point == "handler" else 1), (
        "an effect that is not recorded is made again"
    )


async def test_a_request_whose_process_is_killed_is_carried_out() -> None:
    async with platform(DEVOPS) as p:
        p.crash_after("claim")
        out = await p.run("create-issue", {"title": "t", "body": "b"})
        board = await p.read(Board, "main")
    assert out.completed()
    assert board is not None
    assert len(board.issues) == 1


async def test_two_processes_die_one_after_the_other() -> None:
    async with platform(IMPLEMENTATION) as p:
        p.crash_after("handler")
        p.crash_after("outcome")
        out = await p.publish(SPEC)
    assert len({event.id for event in out.events}) == 1
    assert p.deaths == 2


async def test_a_crash_that_never_came_is_told() -> None:
    with pytest.raises(AssertionError, match="no process came to 'publication'"):
        async with platform(IMPLEMENTATION) as p:
            p.crash_after("publication")


async def test_an_unknown_point_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="claim, handler, outcome, publication"):
        platform(DEVOPS).crash_after("lunch")  # type: ignore[arg-type]


@in_virtual_time
async def test_an_hour_passes_at_once() -> None:
    model = Model(delay=100.0)
    async with platform(IMPLEMENTATION, model=model) as p:
        before = asyncio.get_running_loop().time()
        await p.publish(SPEC)
        assert asyncio.get_running_loop().time() - before >= 100.0


@in_virtual_time
async def test_a_model_that_fails_once_is_asked_again() -> None:
    model = Model(generate_code=in_turn(ModelUnavailable("down"), {"nonsense": 1}, {"worse": 1}))
    async with platform(IMPLEMENTATION, model=model) as p:
        out = await p.publish(SPEC)
    assert out.failed("model_answer_invalid").message
    assert len(model.asked("generate-code")) > 2


async def test_claims_that_do_not_hold_say_what_was_there_instead() -> None:
    async with platform(IMPLEMENTATION) as p:
        out = await p.publish(SPEC)
        nothing = await p.publish(TICKET)
    with pytest.raises(AssertionError, match=r"0 events agents.servicedesk.ticket.escalated were published, not one; "
                       r"published: agents.implementation.code.generated; implementation/generate-code completed"):  # fmt: skip
        out.one(TicketEscalated)
    with pytest.raises(
        AssertionError, match="not failed with rejected: implementation/generate-code completed"
    ):
        out.failed("rejected")
    with pytest.raises(AssertionError, match="nothing was started: no task of the platform's agents reacts"):
        nothing.completed()
    with pytest.raises(
        AssertionError, match=r"published: agents\.implementation\.code\.generated; wanted: none"
    ):
        out.only()


async def test_an_unknown_task_is_named_with_those_there_are() -> None:
    async with platform(IMPLEMENTATION) as p:
        with pytest.raises(
            AssertionError, match="no task generate-cod; there are: implementation/generate-code"
        ):
            await p.run("generate-cod", {})


async def test_a_test_that_never_ends_is_told_who_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Agent("sleeper", description="Sleeps.")

    @agent.on(TicketEscalated)
    async def sleep(_: TicketEscalated, ctx: Context) -> Outcome:
        """Sleep."""
        await asyncio.sleep(3600)
        raise AssertionError

    monkeypatch.setattr("infrastructure.testing.authors.PATIENCE", 0.1)
    async with platform(agent) as p:
        with pytest.raises(AssertionError, match=r"after 0\.1 s something is still to do: sleeper"):
            await p.publish(TICKET)
