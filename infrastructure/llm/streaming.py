"""Whether a stream has sent text: what stands between the agent and the model must not begin it anew then."""

from __future__ import annotations

from collections.abc import Callable


class Watched:
    """`on_text` passes everything on and remembers that there was something; None where nothing is streamed."""

    def __init__(self, on_text: Callable[[str], None] | None) -> None:
        self.was_sent = False
        self._pass_on = on_text
        self.on_text = None if on_text is None else self._note

    def _note(self, text: str) -> None:
        self.was_sent = self.was_sent or bool(text)
        if self._pass_on is not None:
            self._pass_on(text)
