"""What users think of an execution: one score each, the last one counts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from domain.documents import Kept, update
from domain.errors import InvalidInput
from domain.execution import Execution
from domain.figures import scored
from domain.ports.state import StateStore
from infrastructure.rollout.live import LiveRollout

MOST = 100
"""People who may score one execution."""


class Score(BaseModel):
    """`score` from 0, useless, to 1, just right."""

    model_config = ConfigDict(frozen=True)

    score: float
    comment: str | None = None
    at: str


class Scores(Kept):
    """Who gave which score to one execution."""

    by: dict[str, Score] = Field(default_factory=dict)


class Feedback:
    """`ttl` is how long scores are kept, in seconds: as long as the executions that they are about."""

    def __init__(self, store: StateStore, rollout: LiveRollout, ttl: int) -> None:
        self._store = store
        self._rollout = rollout
        self._ttl = ttl

    async def give(self, execution: Execution, by: str, score: Score) -> None:
        """Keep a score, and count it for the version that was asked. The same again changes nothing.

        Raises:
            InvalidInput: more people than anybody reads.
            Unavailable, DocumentUnreadable: not kept.

        """
        before: Score | None = None

        def changed(scores: Scores | None) -> Scores | None:
            nonlocal before
            known = scores.by if scores else {}
            before = known.get(by)
            if before is not None and (before.score, before.comment) == (score.score, score.comment):
                return None
            if before is None and len(known) >= MOST:
                raise InvalidInput(f"{MOST} people have scored this execution: more are not kept")
            return Scores(by={**known, by: score})

        written = await update(self._store, Scores, f"feedback:{execution.id}", changed, ttl=self._ttl)
        if written is not None and execution.prompt is not None:
            self._rollout.count(execution.prompt, scored(score.score, before.score if before else None))
