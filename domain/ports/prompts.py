from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.prompt import Prompt


class PromptRegistry(Protocol):
    """The prompts of one agent, all of them checked when the registry was made."""

    def get(self, name: str) -> Prompt:
        """The newest version of a prompt (highest semantic version that is no pre-release).

        Raises:
            PromptInvalid: there is none of this name.

        """
        ...

    def all(self) -> Sequence[Prompt]:
        """Every version of every prompt, by name and version."""
        ...
