"""`python -m benchmarks.rollout`: how often the comparison of prompts errs, and how long it takes to see what is there.

Draws executions of a candidate and a baseline from known rates, looks after every single one of them, as no real rollout does,
and counts the runs in which the candidate is taken back. What it prints is the table of docs/rollout.md.
"""

from __future__ import annotations

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from statistics import quantiles

from domain.figures import Counts, add
from domain.rollout import DEARER
from domain.verdict import compare

SEED = 20_260_101


@dataclass(frozen=True)
class Arm:
    """What is true of a version. Costs are log-normal with this mean and a spread of `spread` (σ of the logarithm)."""

    failures: float = 0.02
    invalid: float = 0.05
    tokens: float = 1000.0
    spread: float = 0.5

    def execution(self, draw: random.Random) -> Counts:
        tokens = self.tokens * draw.lognormvariate(-(self.spread**2) / 2, self.spread)
        return {
            "executions": 1,
            "answered": 1,
            "valid": int(draw.random() >= self.invalid),
            "blamed": int(draw.random() < self.failures),
            "tokens.n": 1,
            "tokens.sum": tokens,
            "tokens.squares": tokens**2,
        }


@dataclass(frozen=True)
class Scenario:
    name: str
    baseline: Arm
    candidate: Arm
    share: float = 0.1


ORDINARY = Arm()
SAME = (
    Scenario("ordinary, 10 %", ORDINARY, ORDINARY),
    Scenario("ordinary, 50 %", ORDINARY, ORDINARY, share=0.5),
    Scenario("rare errors, 10 %", Arm(failures=0.002, invalid=0.002), Arm(failures=0.002, invalid=0.002)),
    Scenario("half fail, 50 %", Arm(failures=0.5, invalid=0.5), Arm(failures=0.5, invalid=0.5), share=0.5),
    Scenario(
        "costs vary wildly, just as dear as allowed, 50 %", Arm(spread=1.2), Arm(tokens=1250, spread=1.2), 0.5
    ),
)
WORSE = (
    Scenario("failures 5 % → 15 %, 10 %", Arm(failures=0.05), Arm(failures=0.15)),
    Scenario("failures 5 % → 15 %, 50 %", Arm(failures=0.05), Arm(failures=0.15), share=0.5),
    Scenario("failures 2 % → 30 %, 10 %", Arm(failures=0.02), Arm(failures=0.3)),
    Scenario("every answer invalid, 10 %", ORDINARY, replace(ORDINARY, invalid=1.0)),
    Scenario("twice as dear, 10 %", ORDINARY, replace(ORDINARY, tokens=2000)),
)


def taken_back_after(scenario: Scenario, seed: int, executions: int, every: int = 1) -> int | None:
    """The number of executions of both versions after which the candidate was taken back; None when it never was."""
    draw = random.Random(seed)
    baseline: Counts = {}
    candidate: Counts = {}
    for number in range(1, executions + 1):
        if draw.random() < scenario.share:
            add(candidate, scenario.candidate.execution(draw))
        else:
            add(baseline, scenario.baseline.execution(draw))
        if number % every == 0:
            findings = compare(candidate, baseline, dearer=DEARER)
            if any(finding.worse for finding in findings):
                return number
    return None


def runs_of(scenario: Scenario, runs: int, executions: int) -> list[int | None]:
    with ProcessPoolExecutor(2) as pool:
        one = partial(taken_back_after, scenario, executions=executions)
        return list(pool.map(one, range(SEED, SEED + runs), chunksize=20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--executions", type=int, default=4000)
    given = parser.parse_args()
    print(
        f"| no worse: {given.runs} runs of {given.executions} executions | taken back all the same |\n|---|---|"
    )
    for scenario in SAME:
        taken = sum(after is not None for after in runs_of(scenario, given.runs, given.executions))
        rate = taken / given.runs
        error = sqrt(rate * (1 - rate) / given.runs)
        print(f"| {scenario.name} | {taken} ({rate:.1%} ± {error:.1%}) |", flush=True)
    runs = max(given.runs // 5, 2)
    print(f"\n| worse: {runs} runs | median | 90 % of runs | of them the candidate's |\n|---|---|---|---|")
    for scenario in WORSE:
        longest = 10 * given.executions
        after = [longest if one is None else one for one in runs_of(scenario, runs, longest)]
        tenths = quantiles(after, n=10)
        median, ninety = round(tenths[4]), round(tenths[8])
        print(f"| {scenario.name} | {median} | {ninety} | {round(median * scenario.share)} |", flush=True)


if __name__ == "__main__":
    main()
