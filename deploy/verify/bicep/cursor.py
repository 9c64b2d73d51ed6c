"""Where a parser is in the words of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from deploy.verify.bicep.lexer import BicepError, Token

T = TypeVar("T")


class Cursor:
    def __init__(self, words: list[Token], path: Path) -> None:
        self.words, self.path, self.place = words, path, 0

    @property
    def word(self) -> Token:
        return self.words[self.place]

    def error(self, message: str) -> BicepError:
        return BicepError(self.path, self.word.line, message)

    def at(self, *texts: str) -> bool:
        return self.word.text in texts and self.word.kind in ("sign", "name")

    def take(self, *texts: str) -> Token | None:
        if not self.at(*texts):
            return None
        self.place += 1
        return self.words[self.place - 1]

    def need(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            raise self.error(f"{text!r} is expected here, not {self.word.text!r}")
        return token

    def name(self) -> str:
        if self.word.kind != "name":
            raise self.error(f"a name is expected here, not {self.word.text!r}")
        self.place += 1
        return self.words[self.place - 1].text

    def skip_lines(self) -> None:
        while self.word.kind == "newline":
            self.place += 1

    def between(self, opening: str, closing: str, one: Callable[[], T]) -> tuple[T, ...]:
        """Things that commas or ends of lines separate."""
        self.need(opening)
        found: list[T] = []
        self.skip_lines()
        while not self.take(closing):
            found.append(one())
            if not self.take(",") and self.word.kind != "newline" and not self.at(closing):
                raise self.error(f"{self.word.text!r} is not understood here")
            self.skip_lines()
        return tuple(found)
