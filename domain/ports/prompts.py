from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.prompt import Prompt, PromptState, PromptVersion


class PromptRegistry(Protocol):
    """The prompts of one agent. What `get` gives was checked when the registry was made."""

    def get(self, name: str) -> Prompt:
        """The version that is served: the newest release that is neither deprecated nor a pre-release.

        A prompt without any release is served from its newest draft, and one whose releases are all deprecated from the
        newest of them.

        Raises:
            PromptInvalid: there is none of this name.

        """
        ...

    def version(self, name: str, version: str) -> Prompt:
        """One version, whatever its state.

        Raises:
            PromptInvalid: there is none, naming those there are; or it cannot be used.

        """
        ...

    def state(self, name: str, version: str) -> PromptState:
        """What became of one version.

        Raises:
            PromptInvalid: there is none, naming those there are.

        """
        ...

    def versions(self) -> Sequence[PromptVersion]:
        """Every version of every prompt, by name and version, with its state; reads no file for it."""
        ...

    def all(self) -> Sequence[Prompt]:
        """Every version of every prompt, by name and version. It may have to read and compile them all.

        Raises:
            PromptInvalid: one of them cannot be used.

        """
        ...
