"""The draft that comes of an optimisation, and beside it the record of how it was found and judged."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from domain.json import JsonObject
from infrastructure.evaluation import record
from infrastructure.evaluation.answers import ModelName
from infrastructure.evaluation.compare import METHOD as COMPARED
from infrastructure.evaluation.record import RecordedModel
from infrastructure.evaluation.subjects import Subject
from infrastructure.files.writing import write_whole
from infrastructure.optimisation.candidates import Candidate
from infrastructure.optimisation.optimise import Outcome
from infrastructure.prompts.releases.authoring import begin_draft

METHOD: Final = (
    "instructions proposed by a model (COPRO, MIPRO) and bootstrapped examples, successive halving on the training cases, "
    "chosen by the validation cases, judged once by the held-out cases"
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HeldOut(_Frozen):
    """Scores of the held-out cases, 0 to 1; the interval is that of the difference."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    verdict: str
    compared: str = COMPARED


class OptimisationRecord(_Frozen):
    """`gain_…`: the means of what the draft scores more than the version it was made from. `seconds`: the whole run's."""

    prompt: str
    version: str | None
    prompt_hash: str | None
    made_from: str
    made_from_hash: str
    cases_hash: str
    model: RecordedModel
    proposer: RecordedModel
    date: date
    seed: int
    method: str = METHOD
    training: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...]
    tried: int
    new_instruction: bool
    examples: tuple[str, ...]
    gain_training: float | None
    gain_validation: float | None
    result: HeldOut | None
    remarks: tuple[str, ...]
    calls: int
    tokens: int
    seconds: float


def record_of(
    outcome: Outcome,
    subject: Subject,
    model: ModelName,
    proposer: ModelName,
    *,
    seed: int,
    seconds: float,
    day: date,
) -> OptimisationRecord:
    """Of a run; version and hash of a draft are those that `write` gives."""
    choice, pair, found = outcome.choice, outcome.held_out, outcome.comparison
    candidate = choice.candidate
    return OptimisationRecord(
        prompt=subject.name,
        version=None,
        prompt_hash=None,
        made_from=subject.prompt.version,
        made_from_hash=subject.prompt.content_hash,
        cases_hash=subject.cases.content_hash,
        model=_recorded(model),
        proposer=_recorded(proposer),
        date=day,
        seed=seed,
        training=tuple(case.id for case in outcome.parts.training),
        validation=tuple(case.id for case in outcome.parts.validation),
        held_out=tuple(case.id for case in outcome.parts.held_out),
        tried=choice.tried,
        new_instruction=candidate is not None and candidate.instruction is not None,
        examples=tuple(example.case for example in candidate.examples) if candidate else (),
        gain_training=choice.training,
        gain_validation=choice.validation,
        result=HeldOut(
            before=round(pair.before.score or 0.0, 4),
            after=round(pair.now.score or 0.0, 4),
            difference=round(found.difference, 4),
            low=found.low,
            high=found.high,
            verdict=found.verdict,
        )
        if pair and pair.before and found
        else None,
        remarks=choice.remarks,
        calls=outcome.calls,
        tokens=outcome.tokens,
        seconds=round(seconds, 1),
    )


def write(
    candidate: Candidate, made: OptimisationRecord, root: Path, subject: Subject
) -> tuple[Path, OptimisationRecord]:
    """The draft as the next minor version, and `evaluations/<version>.optimised.json` beside it: both, or neither.

    Raises:
        PromptInvalid: the version is taken.
        OSError: a file cannot be written.

    """
    content = candidate.prompt.source.encode()
    draft = begin_draft(root, subject.agent, subject.prompt.name, "minor", content=content)
    whole = made.model_copy(update={"version": draft.stem, "prompt_hash": sha256(content).hexdigest()})
    try:
        file = draft.parent / record.FOLDER / f"{draft.stem}.optimised.json"
        write_whole(file, to_json(whole, indent=2) + b"\n")
    except BaseException:
        draft.unlink()
        raise
    return draft, whole


def as_json(made: OptimisationRecord, draft: Path | None) -> JsonObject:
    shown: dict[str, Any] = made.model_dump(mode="json")
    return {"draft": str(draft) if draft else None, **shown}


def _recorded(model: ModelName) -> RecordedModel:
    return RecordedModel(provider=model.provider, name=model.name, digest=model.digest)
