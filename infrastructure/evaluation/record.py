"""The evaluation record of a version: `prompts/<agent>/<prompt>/evaluations/<version>.json`, bound to what was measured by hashes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from infrastructure.evaluation.results import Evaluation
from infrastructure.files.writing import write_whole

FOLDER: Final = "evaluations"
_DIGITS: Final = 4


class RecordInvalid(Exception):
    """A record that cannot be read: the message says what is wrong with which file."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecordedModel(_Frozen):
    """`digest` is that of the weights, where it is known: a name alone may mean another model tomorrow."""

    provider: str
    name: str
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}{f' ({self.digest[:12]})' if self.digest else ''}"


class Settings(_Frozen):
    max_tokens: int
    temperature: float | None
    top_p: float | None


class Record(_Frozen):
    """`n` counts cases, `repeat` answers to each; `scores` go from 0 to 1, rounded to four digits. `judge` graded, if one did."""

    prompt: str
    version: str
    prompt_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    cases_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    model: RecordedModel
    judge: str | None
    date: date
    settings: Settings
    n: int = Field(ge=1)
    repeat: int = Field(ge=1)
    seed: int
    score: float = Field(ge=0, le=1)
    scores: dict[str, float]


def record_of(evaluation: Evaluation, day: date) -> Record:
    """Raises ValueError saying why an evaluation is no measurement to be kept: not whole, or not every check was made."""
    if not evaluation.whole:
        raise ValueError("only some of its cases were run")
    if errors := evaluation.count("error"):
        raise ValueError(f"the model could not be asked for {errors} of its cases")
    unmade = {
        check.why
        for one in evaluation.cases
        for attempt in one.attempts
        for check in attempt.checks
        if check.outcome == "not run"
    }
    if unmade:
        raise ValueError(f"some checks were not run: {'; '.join(sorted(unmade))}")
    prompt = evaluation.subject.prompt
    scores = {name: round(score, _DIGITS) for name, score in evaluation.scores.items()}
    return Record(
        prompt=evaluation.subject.name,
        version=prompt.version,
        prompt_hash=prompt.content_hash,
        cases_hash=evaluation.subject.cases.content_hash,
        model=RecordedModel(
            provider=evaluation.model.provider, name=evaluation.model.name, digest=evaluation.model.digest
        ),
        judge=evaluation.calibration.judge if evaluation.calibration else None,
        date=day,
        settings=Settings(max_tokens=prompt.max_tokens, temperature=prompt.temperature, top_p=prompt.top_p),
        n=len(scores),
        repeat=evaluation.repeat,
        seed=evaluation.seed,
        score=round(evaluation.score or 0.0, _DIGITS),
        scores=scores,
    )


def path_of(folder: Path, version: str) -> Path:
    """`folder` is the prompt's."""
    return folder / FOLDER / f"{version}.json"


def write(record: Record, folder: Path) -> Path:
    """Whole or not at all."""
    file = path_of(folder, record.version)
    write_whole(file, to_json(record, indent=2) + b"\n")
    return file


def read(folder: Path, version: str) -> Record | None:
    """None when there is none. Raises RecordInvalid."""
    file = path_of(folder, version)
    try:
        return Record.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordInvalid(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RecordInvalid(f"{file} is no evaluation record: {where}: {first['msg']}") from None
