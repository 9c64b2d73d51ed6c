"""Bicep's words: names, numbers, signs, strings with what is put into them, and the ends of lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


class BicepError(Exception):
    """What is wrong, and on which line."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Token:
    """`kind` is name, number, string, sign, newline or end; a string has `parts`, texts and the tokens between `${` and `}`."""

    kind: str
    text: str
    line: int
    parts: tuple[str | tuple[Token, ...], ...] = ()


_WORD = re.compile(
    r"""(?P<space>[ \t]+|//[^\n]*|/\*.*?\*/)|(?P<newline>\r?\n)|(?P<string>')|(?P<number>\d+)
    |(?P<name>[A-Za-z_]\w*)|(?P<sign>=>|==|!=|<=|>=|&&|\|\||\?\?|::|[{}\[\]().,:=?!<>+*/%@-])""",
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(
    r"(?P<end>')|(?P<open>\$\{)|\\u\{(?P<code>[0-9a-fA-F]+)\}|\\(?P<escape>[\\'nrt$])|(?P<text>[^\\'\n])"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def tokens(text: str, path: Path) -> list[Token]:
    return _Lexer(text, path).until_end()


class _Lexer:
    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path
        self.place, self.line = 0, 1

    def until_end(self) -> list[Token]:
        found = []
        while self.place < len(self.text):
            found += self._next()
        return [*found, Token("end", "end of file", self.line)]

    def _next(self) -> list[Token]:
        line = self.line
        match = _WORD.match(self.text, self.place)
        if match is None:
            raise BicepError(self.path, line, f"{self.text[self.place]!r} is nothing that Bicep knows")
        self.place = match.end()
        self.line += match[0].count("\n")
        kind = str(match.lastgroup)
        if kind == "space":
            return []
        if kind == "string":
            return [Token("string", "a string", line, tuple(self._string(line)))]
        return [Token(kind, "end of line" if kind == "newline" else match[0], line)]

    def _string(self, line: int) -> list[str | tuple[Token, ...]]:
        parts: list[str | tuple[Token, ...]] = []
        while match := _PIECE.match(self.text, self.place):
            self.place = match.end()
            if match["end"]:
                return parts
            if match["open"]:
                parts.append(self._put_in())
                continue
            piece = (
                chr(int(match["code"], 16))
                if match["code"]
                else _ESCAPES.get(match["escape"], match["escape"])
            )
            parts.append(match["text"] or piece)
        raise BicepError(
            self.path, line, "this string has no end on its line, or an escape that there is not"
        )

    def _put_in(self) -> tuple[Token, ...]:
        found: list[Token] = []
        depth = 1
        while self.place < len(self.text):
            for token in self._next():
                depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "sign" else 0
                if depth == 0:
                    return (*found, Token("end", "}", token.line))
                found.append(token)
        raise BicepError(self.path, self.line, "${ without its }")
