"""Whether an answer quotes the prompt's own instructions: a run of words that only they share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

LONGEST_QUOTE: Final = 8
"""Words in a row; fewer are said by chance."""
_WORD: Final = re.compile(r"\w+")


def quotes(answer: str, instructions: str, given: str) -> bool:
    """Whether the answer holds so many words of the instructions in a row. What was `given` from outside is no secret."""
    if len(answer) < LONGEST_QUOTE * 2:
        return False
    own = set(_runs(instructions))
    return bool(own) and bool(own.intersection(_runs(answer)) - set(_runs(given)))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return zip(*(words[start:] for start in range(LONGEST_QUOTE)), strict=False)
