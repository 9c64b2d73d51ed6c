"""Successive halving: all by a few cases, the better half by twice as many, until the last ones are measured by all.

Source: K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016.
"""

from __future__ import annotations

from math import ceil

from infrastructure.optimisation.parts import LEAST_TO_LEARN


def rungs(cases: int) -> list[int]:
    """How many cases each round takes: from a quarter, doubled, to all."""
    counts = [max(LEAST_TO_LEARN, ceil(cases / 4))]
    while counts[-1] < cases:
        counts.append(min(counts[-1] * 2, cases))
    return counts


def most_measurements(candidates: int, cases: int) -> int:
    """How many answers a halving takes, where each case is asked once."""
    answers = before = 0
    for count in rungs(cases):
        answers += candidates * (count - before)
        candidates, before = ceil(candidates / 2), count
    return answers
