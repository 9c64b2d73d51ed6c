"""A version, measured, and beside it the one it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from domain.json import JsonObject
from infrastructure.evaluation.compare import METHOD, Comparison, compare
from infrastructure.evaluation.results import Evaluation, as_json


@dataclass(frozen=True, slots=True)
class Pair:
    now: Evaluation
    before: Evaluation | None = None

    @property
    def comparison(self) -> Comparison | None:
        """None when nothing is compared, or no case was measured with both."""
        return compare(self.before.scores, self.now.scores) if self.before else None


def pair_as_json(pair: Pair) -> JsonObject:
    found = pair.comparison
    return {
        **as_json(pair.now),
        "against": None
        if pair.before is None
        else {
            **as_json(pair.before),
            "comparison": None
            if found is None
            else {
                "verdict": found.verdict,
                "difference": found.difference,
                "low": found.low,
                "high": found.high,
                "cases": found.cases,
                "method": METHOD,
            },
        },
    }
