"""What the suite computes from times, and what its outside answers."""

from __future__ import annotations

import json

import jsonschema_rs

from benchmarks.contenders import CONTENDERS
from benchmarks.suite.measure import IDEAL, overall, steady
from benchmarks.suite.outside import MARKER, TEMPLATE, Times
from benchmarks.suite.programs import OUTSIDE
from benchmarks.suite.progress import Pace
from benchmarks.suite.results import ROOT
from benchmarks.suite.rounds import rotated
from benchmarks.suite.soak import rates, slope
from domain.event import Event
from domain.events.testplanning import SpecGenerated
from infrastructure.prompts.registry import load_prompts

SECOND = 1_000_000_000


def test_throughput_is_from_the_first_sent_to_the_last_seen() -> None:
    times = Times(sent=[SECOND, SECOND, 2 * SECOND, 0], seen=[2 * SECOND, 0, 5 * SECOND, 0])
    assert overall(times) == 0.5


def test_steady_throughput_leaves_out_a_slow_start_and_a_slow_end() -> None:
    seen = [1, *(10 * SECOND + number * SECOND // 10 for number in range(98)), 90 * SECOND]
    assert round(steady(seen), 3) == 10.0


def test_the_ideal_is_what_littles_law_allows() -> None:
    assert IDEAL == 320.0


def test_each_round_begins_with_another() -> None:
    three = list(CONTENDERS.values())[:3]
    first_of_rounds = [rotated(three, number)[0].name for number in range(4)]
    assert first_of_rounds == ["ours", "bare", "bare-aiohttp", "ours"]


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
    pace.again([10])
    assert pace.left == 60


def test_the_answer_of_the_model_is_valid_for_our_prompt() -> None:
    schema = load_prompts(ROOT / "prompts" / "implementation").get("generate-code").output_schema
    assert schema is not None
    jsonschema_rs.validate(schema, json.loads((OUTSIDE / "answer.json").read_text()))


def test_the_event_is_one_that_our_product_takes() -> None:
    event = Event.from_json(TEMPLATE.encode())
    spec = SpecGenerated.model_validate(event.data)
    assert (event.id, spec.spec_id) == (MARKER, MARKER)
    assert spec.feature_title.startswith(MARKER)
