from __future__ import annotations

import pytest

from infrastructure.identity import limits
from infrastructure.identity.limits import Limit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    clock = Clock()
    limit = Limit(8, clock)
    assert [limit.wait("a") for _ in range(16)] == [0.0] * 16
    assert limit.wait("a") == pytest.approx(0.125)
    clock.now += 0.125
    assert limit.wait("a") == 0.0
    assert limit.wait("a") == pytest.approx(0.125)


def test_being_refused_costs_nothing() -> None:
    clock = Clock()
    limit = Limit(1, clock)
    waits = [limit.wait("a") for _ in range(100)]
    assert waits[:2] == [0.0, 0.0]
    assert set(waits[2:]) == {1.0}


def test_each_caller_has_a_bucket_of_its_own() -> None:
    limit = Limit(0.5, Clock())
    assert limit.wait("a") == 0.0
    assert limit.wait("a") == 2.0
    assert limit.wait("b") == 0.0


def test_a_long_pause_fills_a_bucket_no_further_than_its_size() -> None:
    clock = Clock()
    limit = Limit(1, clock)
    limit.wait("a")
    clock.now += 1e6
    assert [limit.wait("a") == 0.0 for _ in range(3)] == [True, True, False]


def test_those_who_asked_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CALLERS", 3)
    limit = Limit(1, Clock())
    for name in "abcd":
        limit.wait(name)
    assert [*limit._buckets] == ["b", "c", "d"]
