"""The ledger itself: what it calls lost, doubled and repeated."""

from __future__ import annotations

from typing import Any

from domain import json
from tests.faults.figures import Figures, Targets
from tests.faults.outside.chains import SPEC, Seen

RUN = "a.1f"
CHAIN = "a.1f.000007"
CODE = "agents.implementation.code.generated"


def event(seen: Seen, identity: str, *, kind: str = CODE, at: float = 1.0, **data: Any) -> None:
    found = {"id": identity, "type": kind, "correlationid": CHAIN, "data": data}
    seen.event(found, json.dump(found), at)


def figures(seen: Seen) -> dict[str, Any]:
    return seen.figures(RUN)


def test_a_chain_is_done_when_its_notification_arrived() -> None:
    seen = Seen()
    event(seen, "e")
    assert figures(seen)["done"] == []
    seen.effect(CHAIN, "key", b"text", 2.0)
    assert figures(seen)["done"] == [CHAIN]
    assert figures(seen)["effects_at"] == [2.0]


def test_two_keys_for_one_chain_are_seen_twice() -> None:
    seen = Seen()
    seen.effect(CHAIN, "one", b"text", 1.0)
    seen.effect(CHAIN, "two", b"text", 2.0)
    assert figures(seen)["doubled"] == {CHAIN: "2 notifications with keys of their own"}


def test_one_key_with_two_contents_is_seen_twice() -> None:
    seen = Seen()
    seen.effect(CHAIN, "one", b"text", 1.0)
    seen.effect(CHAIN, "one", b"other", 2.0)
    assert figures(seen)["doubled"] == {CHAIN: "one key with two contents"}


def test_the_same_notification_again_is_repeated_and_not_doubled() -> None:
    seen = Seen()
    seen.effect(CHAIN, "one", b"text", 1.0)
    seen.effect(CHAIN, "one", b"text", 2.0)
    assert (figures(seen)["doubles"], figures(seen)["repeated_effects"]) == (0, 1)


def test_a_repeat_tells_since_when_it_was_had_and_until_when_that_may_not_have_been_recorded() -> None:
    seen = Seen()
    for at in (1.0, 4.0):
        seen.effect(CHAIN, "one", b"text", at)
    assert figures(seen)["repeats"] == [(1.0, 4.0)]
    event(seen, "e", kind="agents.notification.delivery.confirmed", at=3.0)
    assert figures(seen)["repeats"] == [(1.0, 3.0)]


def test_two_ids_of_one_type_in_a_chain_are_seen_twice() -> None:
    seen = Seen()
    event(seen, "one")
    event(seen, "two")
    assert figures(seen)["doubled"] == {CHAIN: f"2 different events {CODE}"}


def test_one_id_with_two_contents_is_seen_twice() -> None:
    seen = Seen()
    event(seen, "one", code="a")
    event(seen, "one", code="b")
    assert figures(seen)["doubled"] == {CHAIN: f"an event {CODE} with two contents under one id"}


def test_an_event_published_again_under_its_id_is_counted_apart() -> None:
    seen = Seen()
    event(seen, "one", code="a")
    event(seen, "one", code="a")
    assert (figures(seen)["doubles"], figures(seen)["repeated_publications"]) == (0, 1)


def test_what_begins_the_chain_may_be_published_as_often_as_the_attack_likes() -> None:
    seen = Seen()
    for _ in range(5):
        event(seen, CHAIN, kind=SPEC)
    assert (figures(seen)["doubles"], figures(seen)["repeated_publications"]) == (0, 0)


def test_a_model_call_after_the_outcome_was_published_is_paid_for_nothing() -> None:
    seen = Seen()
    seen.call(seen.runs[RUN][CHAIN], "generate_code", 1.0)
    event(seen, "one", at=2.0)
    assert (figures(seen)["calls"], figures(seen)["calls_after_record"]) == (1, 0)
    seen.call(seen.runs[RUN][CHAIN], "generate_code", 3.0)
    assert (figures(seen)["calls"], figures(seen)["calls_after_record"]) == (2, 1)


def test_dead_letters_count_once_an_id_from_the_time_asked_for() -> None:
    seen = Seen()
    for at, identity in ((1.0, "early"), (5.0, "late"), (6.0, "late")):
        event(seen, identity, kind="agents.implementation.dead-letter", at=at, cause="unreadable")
    assert seen.figures(RUN, since=2.0)["dead_letters"] == {"unreadable": 1}


def test_a_row_fails_by_what_its_targets_forbid_and_says_how_to_run_it_again() -> None:
    found = Figures(
        row="a", chains=50, asked=50, seed=7, lost=1, doubles=2, back=11.0, died={"notification": 1}
    )
    found.judge(Targets())
    assert found.problems == [
        "1 of 50 chains were lost",
        "2 chains were seen twice",
        "back at work 11.0 s after the end of a fault",
        "notification ended 1 times by itself",
    ]
    assert "again: python -m tests.faults a --chains 50 --seed 7" in str(found)


def test_a_row_without_harm_passes() -> None:
    found = Figures(row="k", chains=50, asked=50, seed=7, calls_per_event=1.0, back=0.4)
    found.judge(Targets(calls_per_event=1.0))
    assert found.problems == []
