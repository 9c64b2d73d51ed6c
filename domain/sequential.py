"""Tests and intervals that stay valid however often, and whenever, one looks: they need the counters alone.

Rates. Against "the candidate's rate is not above the baseline's" stands the mixture of all pairs of rates, each arm's with
Jeffreys' Beta(1/2, 1/2): the e-process of universal inference (Wasserman, Ramdas, Balakrishnan 2020, PNAS 117; for two
streams of successes also Turner, Ly, Grünwald 2024, JSPI 230),

    E = ∫ likelihood dmixture / max of the likelihood under p_candidate ≤ p_baseline.

Under every pair of rates of the hypothesis E is at most a martingale that begins with 1, so that P(E ever ≥ 1/α) ≤ α (Ville;
Ramdas, Grünwald, Vovk, Shafer 2023, Statistical Science 38). Which arm the next execution goes to may depend on the past.

Means. The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024, Annals of Statistics 52,
theorem 2.2): like the central limit theorem it is exact in the limit, so it is asked only from `FEWEST` values on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, lgamma, log, sqrt
from typing import NamedTuple

from domain.figures import Mean

JEFFREYS = 0.5
FEWEST = 50
"""Values in each arm before means are compared or an interval of a mean is told."""
TIGHTEST = 500
"""At so many values the interval of a mean is as narrow as it can be made; it is valid at every number."""
LARGEST = 700.0
"""exp of more is no double."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `of`."""

    count: int
    of: int

    @property
    def value(self) -> float:
        return self.count / self.of if self.of else 0.0


class Interval(NamedTuple):
    low: float
    high: float


def log_evidence(candidate: Rate, baseline: Rate) -> float:
    """ln E that the candidate's rate is above the baseline's; 0 while nothing was seen."""
    mixture = _log_mixture(candidate) + _log_mixture(baseline)
    if candidate.value <= baseline.value:
        return (
            mixture - _log_likelihood(candidate, candidate.value) - _log_likelihood(baseline, baseline.value)
        )
    # The likelihood's maximum under the hypothesis lies on its edge, where both rates are the same.
    both = Rate(candidate.count + baseline.count, candidate.of + baseline.of)
    return mixture - _log_likelihood(both, both.value)


def evidence(log_e: float) -> float:
    """E itself, as far as a double goes."""
    return exp(min(log_e, LARGEST))


def rate_interval(rate: Rate, alpha: float) -> Interval:
    """The rates that are not refuted at `alpha` at this or any other time: Robbins' mixture (1970), the same as above."""
    if rate.of == 0:
        return Interval(0.0, 1.0)
    mixture, needed = _log_mixture(rate), -log(alpha)

    def is_refuted(p: float) -> bool:
        return mixture - _log_likelihood(rate, p) >= needed

    return Interval(_edge(is_refuted, 0.0, rate.value), _edge(is_refuted, 1.0, rate.value))


def mean_interval(mean: Mean, alpha: float) -> Interval:
    """Where the mean lies, at all times at once, with 1 − `alpha`; anywhere while there are fewer than `FEWEST` values."""
    if mean.n < FEWEST:
        return Interval(-inf, inf)
    # Squared ρ of the paper's appendix on how to choose it: the tightest at that many values.
    rho = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / TIGHTEST
    scaled = mean.n * rho + 1
    half = mean.deviation * sqrt(2 * scaled / (mean.n**2 * rho) * log(sqrt(scaled) / alpha))
    return Interval(mean.mean - half, mean.mean + half)


def _log_mixture(rate: Rate) -> float:
    """ln of the likelihood of one order of these outcomes, averaged over all rates."""
    misses = rate.of - rate.count
    return _log_beta(rate.count + JEFFREYS, misses + JEFFREYS) - _log_beta(JEFFREYS, JEFFREYS)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _log_likelihood(rate: Rate, p: float) -> float:
    """ln of the likelihood of one order of these outcomes; −inf where p rules them out."""
    misses = rate.of - rate.count
    if (p <= 0 and rate.count) or (p >= 1 and misses):
        return -inf
    return (rate.count * log(p) if rate.count else 0.0) + (misses * log(1 - p) if misses else 0.0)


def _edge(is_refuted: Callable[[float], bool], far: float, near: float) -> float:
    """Between a value that may be refuted and one that is not, where that changes; found by halving."""
    if not is_refuted(far):
        return far
    for _ in range(60):
        middle = (far + near) / 2
        far, near = (middle, near) if is_refuted(middle) else (far, middle)
    return near
