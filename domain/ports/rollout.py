from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.execution import Execution
from domain.figures import Answered
from domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Chosen:
    """The version that a chain of work is given, and the label of the split that gave it."""

    prompt: Prompt
    split: str


class Rollout(Protocol):
    """Which version of a prompt is asked, and what came of it. Both are asked in the midst of work: neither waits."""

    def choose(self, name: str, sticky: str) -> Chosen | None:
        """None where a prompt is not split: the registry says which version serves. `sticky` is the correlation id.

        Raises:
            Unavailable: it is not known yet how the prompts are split.

        """
        ...

    def note(self, execution: Execution, answers: Sequence[Answered]) -> None:
        """An outcome that was recorded here for the first time. Never raises."""
        ...
