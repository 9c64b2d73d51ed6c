"""Personal data replaced by marks on the way to the model, and put back in its answer: `<EMAIL_1>`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.pii import find_personal

_MARK: Final = re.compile(r"<[A-Z_]{2,12}_\d{1,6}>")
_BEGUN: Final = re.compile(r"<[A-Z_0-9]{0,20}$")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What stands for what. A value never holds quotes, backslashes or control characters: JSON stays JSON when it is put back."""

    marks: Mapping[str, str]

    @classmethod
    def of(cls, text: str, kinds: Sequence[str]) -> Pseudonyms:
        """Number what a text holds; the same value has the same mark. A mark that stands in the text itself is left out."""
        marks: dict[str, str] = {}
        taken = set(_MARK.findall(text))
        counts: dict[str, int] = {}
        for personal in find_personal(text, kinds):
            if personal.text in marks:
                continue
            while True:
                counts[personal.kind] = counts.get(personal.kind, 0) + 1
                mark = f"<{personal.kind.upper()}_{counts[personal.kind]}>"
                if mark not in taken:
                    break
            marks[personal.text] = mark
        return cls(marks)

    def hide(self, text: str) -> str:
        for value in sorted(self.marks, key=len, reverse=True):
            text = text.replace(value, self.marks[value])
        return text

    def restore(self, text: str) -> str:
        values = {mark: value for value, mark in self.marks.items()}
        return _MARK.sub(lambda mark: values.get(mark[0], mark[0]), text)


class RestoredStream:
    """Passes pieces on with the values put back; holds back what may be the beginning of a mark until it is sure."""

    def __init__(self, pseudonyms: Pseudonyms, on_text: Callable[[str], None]) -> None:
        self._pseudonyms = pseudonyms
        self._on_text = on_text
        self._held = ""

    def __call__(self, piece: str) -> None:
        text = self._held + piece
        begun = _BEGUN.search(text)
        self._held = text[begun.start() :] if begun else ""
        self._pass_on(text[: begun.start()] if begun else text)

    def end(self) -> None:
        self._pass_on(self._held)
        self._held = ""

    def _pass_on(self, text: str) -> None:
        if text:
            self._on_text(self._pseudonyms.restore(text))
