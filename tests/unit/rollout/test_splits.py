"""Which version a chain of work gets, and how little moves when a split changes."""

from __future__ import annotations

import pytest

from domain.rollout import Splits, announced, bucket_of, revision_of, take_back, with_split, without_split

AT = "2026-11-22T00:00:00+00:00"
CHAINS = [f"chain-{number}" for number in range(4000)]


def split_of(splits: Splits, **shares: int) -> Splits:
    named = {name[1:].replace("_", "."): share for name, share in shares.items()}
    return with_split(splits, "write", named, dearer=25, at=AT)


def versions(splits: Splits) -> dict[str, str]:
    """The version of each chain."""
    split = splits.splits["write"]
    owner = {bucket: version for version, buckets in split.buckets.items() for bucket in buckets}
    assert sorted(owner) == list(range(100))
    return {chain: owner[bucket_of(chain, "write", split.salt)] for chain in CHAINS}


def moved(before: Splits, after: Splits) -> set[tuple[str, str]]:
    old, new = versions(before), versions(after)
    return {(old[chain], new[chain]) for chain in CHAINS if old[chain] != new[chain]}


def test_a_chain_stays_with_its_version_and_shares_are_kept() -> None:
    splits = split_of(Splits(), v1_0_0=90, v1_1_0=10)
    assert versions(splits) == versions(splits)
    candidates = sum(version == "1.1.0" for version in versions(splits).values())
    assert candidates / len(CHAINS) == pytest.approx(0.1, abs=0.02)


def test_growing_a_candidate_moves_only_chains_from_the_baseline_to_it() -> None:
    small = split_of(Splits(), v1_0_0=80, v1_1_0=10, v1_2_0=10)
    grown = split_of(small, v1_0_0=60, v1_1_0=10, v1_2_0=30)
    assert moved(small, grown) == {("1.0.0", "1.2.0")}
    old, new = versions(small), versions(grown)
    moves = sum(old[chain] != new[chain] for chain in CHAINS)
    assert moves / len(CHAINS) == pytest.approx(0.2, abs=0.03)


def test_a_new_version_takes_only_what_it_gets() -> None:
    two = split_of(Splits(), v1_0_0=70, v1_1_0=30)
    three = split_of(two, v1_0_0=60, v1_1_0=30, v1_2_0=10)
    assert moved(two, three) == {("1.0.0", "1.2.0")}


def test_each_change_of_a_person_is_an_experiment_of_its_own() -> None:
    first = split_of(Splits(), v1_0_0=90, v1_1_0=10)
    second = split_of(first, v1_0_0=50, v1_1_0=50)
    assert [splits.splits["write"].revision for splits in (first, second)] == [1, 2]
    assert second.splits["write"].label == "r2:1.0.0=50,1.1.0=50"
    assert revision_of(second.splits["write"].label) == 2
    assert revision_of(None) == 0


def test_the_baseline_has_the_most_at_first_and_stays_while_the_candidate_grows() -> None:
    splits = split_of(Splits(), v1_1_0=10, v1_0_0=90)
    assert splits.splits["write"].baseline == "1.0.0"
    splits = split_of(splits, v1_0_0=10, v1_1_0=90)
    assert splits.splits["write"].baseline == "1.0.0"
    splits = split_of(splits, v1_1_0=100)
    assert splits.splits["write"].baseline == "1.1.0"
    assert split_of(splits, v1_1_0=50, v1_2_0=50).splits["write"].baseline == "1.1.0"


def test_between_equals_the_lower_version_is_the_baseline() -> None:
    assert split_of(Splits(), v1_10_0=50, v1_9_0=50).splits["write"].baseline == "1.9.0"


def test_another_experiment_deals_the_chains_out_anew() -> None:
    first = split_of(Splits(), v1_0_0=50, v1_1_0=50)
    ended = split_of(first, v1_0_0=100)
    second = split_of(ended, v1_0_0=50, v1_1_0=50)
    assert {("1.0.0", "1.1.0"), ("1.1.0", "1.0.0")} <= moved(first, second)


def test_what_is_taken_back_goes_to_the_baseline_with_its_reason_and_the_experiment_goes_on() -> None:
    splits = split_of(Splits(), v1_0_0=70, v1_1_0=10, v1_2_0=20)
    taken = take_back(splits, "write", 1, {"1.2.0": "it lies"}, criterion="failures", at=AT)
    assert taken is not None
    split = taken.splits["write"]
    assert (split.shares, split.revision, split.candidates) == (
        {"1.0.0": 90, "1.1.0": 10, "1.2.0": 0},
        1,
        ["1.1.0"],
    )
    assert moved(splits, taken) == {("1.2.0", "1.0.0")}
    (one,) = taken.taken_back
    assert (one.version, one.share, one.because, one.announced) == ("1.2.0", 20, "it lies", False)


def test_taking_back_twice_is_once_and_a_later_decision_of_a_person_stands() -> None:
    splits = split_of(Splits(), v1_0_0=90, v1_1_0=10)
    taken = take_back(splits, "write", 1, {"1.1.0": "x"}, criterion="cost", at=AT)
    assert taken is not None
    assert take_back(taken, "write", 1, {"1.1.0": "x"}, criterion="cost", at=AT) is None
    again = split_of(taken, v1_0_0=90, v1_1_0=10)
    assert take_back(again, "write", 1, {"1.1.0": "x"}, criterion="cost", at=AT) is None
    assert take_back(again, "write", 2, {"1.0.0": "the baseline itself"}, criterion="cost", at=AT) is None
    assert (
        take_back(without_split(again, "write"), "write", 2, {"1.1.0": "x"}, criterion="cost", at=AT) is None
    )


def test_an_event_is_known_to_be_out_once() -> None:
    splits = split_of(Splits(), v1_0_0=90, v1_1_0=10)
    taken = take_back(splits, "write", 1, {"1.1.0": "x"}, criterion="cost", at=AT)
    assert taken is not None
    (one,) = taken.taken_back
    told = announced(taken, one)
    assert told is not None
    assert told.taken_back[0].announced
    assert announced(told, one) is None


def test_versions_that_were_taken_back_are_not_remembered_for_ever() -> None:
    splits = Splits()
    for number in range(60):
        splits = split_of(splits, v1_0_0=90, v1_1_0=10)
        taken = take_back(splits, "write", number + 1, {"1.1.0": "x"}, criterion="cost", at=AT)
        assert taken is not None
        splits = taken
    assert len(splits.taken_back) == 50
    assert splits.taken_back[-1].revision == 60
