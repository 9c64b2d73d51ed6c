"""Whether one version is better than another: the differences of the same cases' scores, and an exact interval of their mean.

The interval is Hartigan's (typical values: J. A. Hartigan, Using Subsample Values as Typical Values, JASA 64, 1969, 1303-1317):
the means of all non-empty subsets of n differences, in order, cut the line into 2^n pieces, and each is equally likely to
hold the centre of their distribution if that is symmetric. It is the paired sign-flip (randomisation) test turned into
an interval, so it needs no normal distribution and is right for eight cases, where a bootstrap's is too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Final, Literal, TypeAlias

METHOD: Final = "paired by case, exact 95 % interval by Hartigan's typical values (sign-flip test)"
LEVEL: Final = 0.95
ALL_SUBSETS: Final = 12
"""Up to so many cases all subsets are taken, else as many at random: the theory holds for those too."""

Verdict: TypeAlias = Literal["better", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is the mean of the second's scores minus the first's, `low` to `high` its interval."""

    cases: int
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "cannot tell"

    def __str__(self) -> str:
        return (
            f"{self.verdict}: {self.difference:+.2f} [{self.low:+.2f}, {self.high:+.2f}] "
            f"over {self.cases} case{'s' if self.cases != 1 else ''}"
        )


def compare(before: Mapping[str, float], after: Mapping[str, float]) -> Comparison | None:
    """Scores by case, 0 to 1. None when the two have no case in common."""
    both = [name for name in before if name in after]
    if not both:
        return None
    # Rounded, so that 0.1 + 0.2 - 0.3 is no difference.
    differences = [round(after[name] - before[name], 9) for name in both]
    low, high = interval(differences)
    return Comparison(len(both), fmean(differences), low, high)


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Where the centre of the differences lies; -1 to 1, all that is possible, for fewer than six of them."""
    means = sorted(_subset_means(differences))
    outside = int((1 - LEVEL) / 2 * (len(means) + 1))
    return (means[outside - 1], means[-outside]) if outside else (-1.0, 1.0)


def _subset_means(differences: Sequence[float]) -> Iterable[float]:
    count = len(differences)
    for subset in _subsets(count):
        chosen = [one for at, one in enumerate(differences) if subset >> at & 1]
        yield round(sum(chosen) / len(chosen), 9)


def _subsets(count: int) -> Iterable[int]:
    """Each as a whole number whose bits say who is in it."""
    if count <= ALL_SUBSETS:
        return range(1, 2**count)
    draw = Random(count)  # noqa: S311 - statistics; seeded, so that the same scores give the same interval
    chosen: set[int] = set()
    while len(chosen) < 2**ALL_SUBSETS - 1:
        chosen.add(draw.randrange(1, 2**count))
    return chosen
