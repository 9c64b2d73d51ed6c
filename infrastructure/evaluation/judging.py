"""The judge: a model that grades answers by a rubric, itself a prompt, and measured on answers whose verdict is known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from domain.prompt import Prompt, request_for
from infrastructure.evaluation.answers import Asker
from infrastructure.evaluation.checks.judge import GOOD_ENOUGH
from infrastructure.evaluation.checks.kind import Rubric
from infrastructure.evaluation.subjects import load_prompt
from infrastructure.evaluation.values import plain
from infrastructure.located_yaml.problem import Report
from infrastructure.located_yaml.tree import read_tree

_FOLDER: Final = Path(__file__).with_name("judge")
BELIEVED: Final = 10
"""Known verdicts, of twelve, with which a judge agrees that can be believed. By chance one agrees with six."""


class Grade(BaseModel):
    reason: str
    score: int = Field(ge=1, le=5)


class KnownVerdict(BaseModel, extra="forbid"):
    rubric: str
    task: str
    answer: str
    good: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of an answer whose verdict is known; a text is why it gave no grade."""

    known: KnownVerdict
    grade: Grade | str

    @property
    def agrees(self) -> bool:
        """A judge that gives no grade is wrong."""
        return not isinstance(self.grade, str) and (self.grade.score >= GOOD_ENOUGH) == self.known.good


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often a judge said what is known to be right."""

    judge: str
    agreed: int
    of: int

    def __str__(self) -> str:
        return f"the judge {self.judge} agrees with {self.agreed} of {self.of} known verdicts"


class Judge:
    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._prompt = judge_prompt()

    async def wrong(self, rubric: Rubric, task: str, answer: str) -> str | None:
        """Why the answer is not good enough, None when it is. An `AgentError` of the model passes through."""
        grade = await self._grade(rubric.text, task, answer)
        if isinstance(grade, str):
            return grade
        return None if grade.score >= rubric.at_least else f"judged {grade.score}: {grade.reason}"

    async def calibrate(self) -> Calibration:
        return self.calibration(await self.verdicts())

    async def verdicts(self) -> Sequence[Verdict]:
        """Ask about the known verdicts of `judge/calibration.yaml`. An `AgentError` of the model passes through."""
        known = known_verdicts()
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._grade(one.rubric, one.task, one.answer)) for one in known]
        except ExceptionGroup as errors:  # the others were given up
            raise errors.exceptions[0] from None
        return [Verdict(one, task.result()) for one, task in zip(known, asked, strict=True)]

    def calibration(self, verdicts: Sequence[Verdict]) -> Calibration:
        return Calibration(str(self._asker.name), sum(one.agrees for one in verdicts), len(verdicts))

    async def _grade(self, rubric: str, task: str, answer: str) -> Grade | str:
        request = request_for(self._prompt, {"rubric": rubric, "task": task, "answer": answer})
        reply = await self._asker.ask(request)
        try:
            return Grade.model_validate_json(reply.text or "")
        except ValidationError:
            return f"the judge gave no grade: {reply.failure or 'its answer does not fit its schema'}"


def judge_prompt() -> Prompt:
    return load_prompt(_FOLDER, "1.0.0")


def known_verdicts() -> list[KnownVerdict]:
    report = Report("calibration.yaml")
    root = read_tree((_FOLDER / "calibration.yaml").read_text(encoding="utf-8"), report)
    if root is None or report.problems:
        raise ValueError(f"calibration.yaml cannot be read: {report.problems}")
    return TypeAdapter(list[KnownVerdict]).validate_python(plain(root, report))
