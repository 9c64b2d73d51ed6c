"""What a `models.yaml` says under `cache:`, of a model or of a task."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from infrastructure.llm.catalogue.durations import Seconds

LEAST = 0.95
"""Below it even good embedding models take questions for the same that are not (docs/models.md has the figures)."""


def _close(value: float) -> float:
    if not LEAST <= value < 1:
        raise ValueError(
            f"is {value:g}, no cosine similarity of texts that mean the same — write {LEAST} or more, and less than 1 "
            "(0.98 is usual): below it the answers of other questions are given"
        )
    return value


class Similar(BaseModel):
    """Answers of questions whose inputs are nearly the same.

    `model` names the model that makes vectors of them, `at_least` is the cosine similarity from which they count as the
    same, `keep` how many questions of a task are remembered.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    at_least: Annotated[float, AfterValidator(_close)] = 0.98
    keep: int = Field(100, ge=1, le=1000)


class Caching(BaseModel):
    """`sampled`: also answers that were drawn by chance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ttl: Seconds
    sampled: bool = False
    similar: Similar | None = None
