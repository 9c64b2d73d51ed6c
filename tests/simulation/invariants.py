"""What must hold once all is quiet, read from the store's documents and the ledger."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic_core import from_json

from tests.simulation.agent import AGENT
from tests.simulation.ledger import Item, event_id, item_of, items_of
from tests.simulation.world import World

COUNTED = {"transient", "internal", "deadline_exceeded"}


def check(world: World) -> None:
    """When nothing is left to do for the first time."""
    _check(world)
    _calm_costs_nothing(world)


def check_after_all(world: World, starts: dict[str, int], records: int) -> None:
    """After everything was delivered once more."""
    _check(world)
    ledger = world.ledger
    for execution, count in ledger.starts.items():
        if starts.get(execution, 0) not in {0, count}:
            ledger.violated(f"{ledger.name(execution)} ran again after its outcome was recorded")
    known = sum(execution in ledger.records for execution in starts)
    if len(ledger.records) < records or known < len(starts):
        ledger.violated("an outcome is gone")


def _check(world: World) -> None:
    _everything_accepted_has_its_outcome(world)
    _every_outcome_has_its_reason(world)
    _every_event_is_out(world)
    _every_change_is_made_once(world)
    _every_dead_letter_is_listed(world)
    _every_claim_is_resolved(world)
    _correlations_lead_to_their_work(world)
    _nothing_runs(world)


def _everything_accepted_has_its_outcome(world: World) -> None:
    for item in world.callers.accepted:
        if world.ledger.record_of(item) is None:
            world.ledger.violated(f"{item.name}/{item.task} was accepted and has no outcome")
    for item in world.callers.commanded:
        if world.ledger.record_of(item) is None and not world.ledger.is_refused(item):
            world.ledger.violated(f"{item.name} was with the broker and has no outcome")


def _every_outcome_has_its_reason(world: World) -> None:
    ledger = world.ledger
    known = dict.fromkeys([*world.callers.accepted, *world.callers.commanded, *world.callers.asked])
    seen: Counter[Item] = Counter()
    for execution, record in ledger.records.items():
        item = next((item for item in known if ledger.record_of(item) is record), None)
        if item is None:
            ledger.violated(f"{ledger.name(execution)} has an outcome that nobody asked for")
            continue
        seen[item] += 1
        if record["status"] == "failed":
            code = record["error"]["code"]
            if not _has_a_cause(world, item, execution, code):
                ledger.violated(f"{ledger.name(execution)} failed as {code} without a cause")
            if record["trigger_source"] != "/callers/local" and not any(
                event["type"] == AGENT.dead_letter_topic for event in record["events"]
            ):
                ledger.violated(f"{ledger.name(execution)} failed without a dead letter")


def _has_a_cause(world: World, item: Item, execution: str, code: str) -> bool:
    if item.n is None:
        return code == "unreadable"
    plan = world.scenario.plans[item.n]
    # Frozen beyond its deadline a handler has failed, too; and so has one whose effect took as long.
    late = sum("FROZEN" in text or said == ("** slow", "send") for _, _, text, said in world.trace)
    used_up = sum(failure in COUNTED for failure in plan.failures) + late >= world.timing.max_attempts
    match code:
        case "rejected":
            return "rejected" in plan.failures
        case "internal":
            return (plan.broken_change and plan.changes > 0) or (code in plan.failures and used_up)
        case "transient":
            return code in plan.failures and used_up
        case "deadline_exceeded":
            return used_up
        case "crashed":
            neighbours = any(other.deadly for other in world.scenario.plans) and not plan.deadly
            return world.ledger.losses[execution] >= world.timing.max_crashes and not neighbours
        case "too_large":
            return plan.padding > 0
        case "id_reused":
            return len({other.digest for other in world.callers.accepted if other.id == item.id}) > 1
        case _:
            return False


def _every_event_is_out(world: World) -> None:
    ledger = world.ledger
    for execution, record in ledger.records.items():
        for index, event in enumerate(record["events"]):
            if not ledger.published[event["id"]] and event["id"] not in ledger.undeliverable:
                ledger.violated(f"{event['type']} of {ledger.name(execution)} was never published")
            kind = "dead-letter" if event["type"] == AGENT.dead_letter_topic else str(index)
            if event["id"] != event_id(execution, kind):
                ledger.violated(
                    f"{event['type']} of {ledger.name(execution)} has another identity than its execution gives it"
                )


def _every_change_is_made_once(world: World) -> None:
    ledger, made = world.ledger, Counter[tuple[str, int]]()
    for key in world.store.documents:
        if key.startswith("entity:"):
            for entry in _document(world, key)["state"]["entries"]:
                made[entry["token"], entry["attempt"]] += 1
    for execution, record in ledger.records.items():
        for change in record["changes"]:
            arguments = change["arguments"]
            count = made.pop((arguments["token"], arguments["attempt"]), 0)
            if count != 1:
                ledger.violated(f"a change of {ledger.name(execution)} was made {count} times")
    for token, _ in made:
        ledger.violated(f"a change of {ledger.name(token.partition('/')[0])} was made that no outcome holds")


def _every_dead_letter_is_listed(world: World) -> None:
    listed: Counter[str] = Counter()
    for key in world.store.documents:
        if key.startswith("dead-letters:sim:"):
            listed.update(_document(world, key)["letters"].keys())
    for execution, record in world.ledger.records.items():
        times = 1 if record.get("dead_letter") else 0
        if listed.pop(execution, 0) != times:
            world.ledger.violated(f"the dead letter of {world.ledger.name(execution)} is not listed once")
    for execution in listed:
        world.ledger.violated(f"{world.ledger.name(execution)} is listed as a dead letter and has not failed")


def _every_claim_is_resolved(world: World) -> None:
    documents, ledger = world.store.documents, world.ledger
    for key in documents:
        kind, _, execution = key.partition(":")
        if kind != "claim":
            continue
        outcome = f"execution:{execution}"
        if documents.get(outcome) is None:
            ledger.violated(f"the claim of {ledger.name(execution)} stays for ever: nobody works on it")
        elif (documents.expiry(key) or 0) >= (documents.expiry(outcome) or 0):
            ledger.violated(f"the claim of {ledger.name(execution)} outlives its outcome")


def _correlations_lead_to_their_work(world: World) -> None:
    """Whoever brought a correlation id in finds the work by it."""
    wanted = [
        *(item for message in world.scenario.messages if message.correlation for item in items_of(message)),
        *(item_of(r.name, r.n, r.key) for r in world.scenario.requests if r.correlation),
    ]
    found: set[str] = set()
    for key in world.store.documents:
        if key.startswith("correlation:"):
            found.update(_document(world, key)["executions"])
    for item in wanted:
        if item in world.callers.accepted and item.id not in found:
            world.ledger.violated(f"{item.name} is not found by its correlation id")


def _calm_costs_nothing(world: World) -> None:
    """Where nothing went wrong nothing is done twice, however often it was delivered."""
    scenario, ledger = world.scenario, world.ledger
    if scenario.faults or scenario.upsets or any(plan.stalls or plan.deadly for plan in scenario.plans):
        return
    if ledger.repeated:
        ledger.violated(f"{ledger.repeated} events were published again though nothing went wrong")
    for execution, count in ledger.starts.items():
        record = ledger.records.get(execution)
        if (
            record
            and count > record["attempts"]
            and not any("unavailable" in plan.failures for plan in scenario.plans)
        ):
            ledger.violated(f"{ledger.name(execution)} ran {count} times though nothing went wrong")


def _nothing_runs(world: World) -> None:
    alive = {replica.name for replica in world.replicas if replica is not None}
    for (replica, execution), count in world.ledger.running.items():
        if count and replica in alive:
            world.ledger.violated(f"the handler of {world.ledger.name(execution)} still runs in {replica}")


def _document(world: World, key: str) -> Any:
    stored = world.store.documents.get(key)
    assert stored is not None
    return from_json(stored.data)
