"""What the suite computes from times, and what its outside answers."""

from __future__ import annotations

import json
from itertools import combinations, pairwise

import jsonschema_rs

from benchmarks.contenders import CONTENDERS
from benchmarks.suite.measure import FULL, IDEAL, steady
from benchmarks.suite.outside import MARKER, TEMPLATE, Times
from benchmarks.suite.programs import OUTSIDE
from benchmarks.suite.progress import Pace
from benchmarks.suite.results import ROOT
from benchmarks.suite.rounds import LONGEST_S, expected_s, shuffled
from benchmarks.suite.soak import rates, slope
from domain.event import Event
from domain.events.testplanning import SpecGenerated
from infrastructure.prompts.registry import load_prompts

SECOND = 1_000_000_000


def test_throughput_leaves_out_a_slow_start_and_a_slow_end() -> None:
    seen = [1, *(10 * SECOND + number * SECOND // 10 for number in range(98)), 90 * SECOND]
    assert round(steady(Times(sent=[], seen=[*seen, 0])), 3) == 10.0


def test_the_ideal_is_what_littles_law_allows() -> None:
    assert IDEAL == 320.0


def test_rounds_have_orders_of_their_own_that_are_the_same_in_every_run() -> None:
    everybody = list(CONTENDERS.values())
    orders = [[one.name for one in shuffled(everybody, number)] for number in range(3)]
    assert orders == [[one.name for one in shuffled(everybody, number)] for number in range(3)]
    assert all(sorted(order) == sorted(CONTENDERS) for order in orders)
    neighbours = [set(pairwise(order)) for order in orders]
    assert len({order[0] for order in orders}) == 3
    assert all(len(one & other) <= 2 for one, other in combinations(neighbours, 2))


def test_a_whole_run_with_a_repeated_round_may_take_25_minutes() -> None:
    assert sum(expected_s(list(CONTENDERS.values()), FULL, 3)) < LONGEST_S


def test_only_who_is_extremely_slow_is_warmed_up_with_less() -> None:
    assert {name for name, one in CONTENDERS.items() if FULL.warm_up_of(one) < FULL.warm_up} == {
        "dapr-agents",
        "dapr-agents-no-memory",
    }


def test_tenths_are_equal_parts_of_the_events() -> None:
    seen = [number * SECOND for number in (1, 2, 4, 6)]
    assert rates(0, seen, 2) == [1.0, 0.5]


def test_a_slope_leaves_out_the_warm_up() -> None:
    assert slope([0, 100, 200, 300], [10.0, 50.0, 51.0, 52.0], after=100) == 0.01
    assert slope([0], [10.0], after=0) == 0.0


def test_the_time_left_follows_the_pace_so_far() -> None:
    pace = Pace([10, 10, 20])
    assert pace.left == 40
    pace.finished(15)
    assert pace.left == 45
    pace.replan([10, 20, 10])
    assert (pace.left, pace.total) == (60, 50)


def test_the_answer_of_the_model_is_valid_for_our_prompt() -> None:
    schema = load_prompts(ROOT / "prompts" / "implementation").get("generate-code").output_schema
    assert schema is not None
    jsonschema_rs.validate(schema, json.loads((OUTSIDE / "answer.json").read_text()))


def test_the_event_is_one_that_our_product_takes() -> None:
    event = Event.from_json(TEMPLATE.encode())
    spec = SpecGenerated.model_validate(event.data)
    assert (event.id, spec.spec_id) == (MARKER, MARKER)
    assert spec.feature_title.startswith(MARKER)
