"""Who watches a run while its model answers: a stream over HTTP, a progress bar, a test."""

from __future__ import annotations

from typing import Protocol

from domain.chat import ChatReply
from domain.prompt import Prompt


class Watch(Protocol):
    """Told in order, on the run's own loop; must return at once and raise nothing.

    `asked` again means that the text so far was in vain: an answer that did not fit, an attempt that failed.
    """

    def asked(self, prompt: Prompt) -> None:
        """The model is asked; its text begins anew."""
        ...

    def text(self, piece: str) -> None:
        """A piece of the answer, as it comes."""
        ...

    def answered(self, reply: ChatReply) -> None:
        """The answer is whole. It may not fit yet: then the model is asked once more."""
        ...
