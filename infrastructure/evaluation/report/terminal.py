"""An evaluation as lines for a terminal: a line per prompt, and below it what did not pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from infrastructure.evaluation.compare import METHOD
from infrastructure.evaluation.pairs import Pair
from infrastructure.evaluation.results import CaseResult, Evaluation

MARKS: Final = {"passed": "✓", "failed": "✗", "error": "!", "not run": "–"}
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """`mark` says how it went, as the outcome of a case; empty for notes. `indent` in characters."""

    text: str
    mark: str = ""
    indent: int = 0


def lines(pairs: Sequence[Pair], threshold: float | None) -> Iterator[Line]:
    width = max((len(_title(pair.now)) for pair in pairs), default=0)
    for pair in pairs:
        yield from _of_one(pair, width, threshold)
    if any(pair.comparison for pair in pairs):
        yield Line(f"compared {METHOD}")


def _of_one(pair: Pair, width: int, threshold: float | None) -> Iterator[Line]:
    now = pair.now
    score = "–" if now.score is None else f"{now.score:.2f}"
    words = [f"{now.count('passed')} of {len(now.cases)} cases pass"]
    words += [f"{count} {said}" for count, said in _others(now) if count]
    words.append(f"{now.usage.input_tokens + now.usage.output_tokens:,} tokens")
    if seconds := sorted(attempt.seconds for one in now.cases for attempt in one.attempts if attempt.seconds):
        words.append(f"median {seconds[len(seconds) // 2]:.1f} s")
    mark = "passed" if now.meets(threshold) else "failed"
    yield Line(f"{_title(now):{width}}  {score}  {', '.join(words)}", mark)
    if pair.comparison and pair.before:
        yield Line(f"against {pair.before.subject.prompt.version}: {pair.comparison}", indent=4)
    elif pair.before:
        yield Line(f"against {pair.before.subject.prompt.version}: no case was measured with both", indent=4)
    for one in now.cases:
        if one.outcome != "passed":
            yield from _problems(one)
    if now.calibration:
        itself = ", and it judges itself" if now.calibration.judge == str(now.model) else ""
        yield Line(f"{now.calibration}{itself}", indent=4)


def _problems(one: CaseResult) -> Iterator[Line]:
    problems = one.problems()
    first, *rest = problems[:_SHOWN_PROBLEMS]
    score = "" if one.score is None else f" {one.score:.2f}"
    yield Line(f"{one.case.id}{score}  {first}", one.outcome, indent=4)
    for problem in rest:
        yield Line(problem, indent=8)
    if len(problems) > _SHOWN_PROBLEMS:
        yield Line(f"and {len(problems) - _SHOWN_PROBLEMS} more", indent=8)


def _others(now: Evaluation) -> list[tuple[int, str]]:
    return [
        (now.count("failed"), "fail"),
        (now.count("not run"), "with checks that were not run"),
        (now.count("error"), "could not be asked"),
    ]


def _title(now: Evaluation) -> str:
    return f"{now.subject.name} {now.subject.prompt.version}"
