"""Whether an answer quotes the prompt's own instructions: a run of words that only they share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

LONGEST_QUOTE: Final = 8
"""Words in a row; fewer are said by chance."""
_WORD: Final = re.compile(r"\w+")


def quotes(answer: str, instructions: str, given: str) -> bool:
    """Whether the answer holds so many words of the instructions in a row. What was `given` from outside is no secret."""
    if len(answer) < LONGEST_QUOTE * 2:
        return False
    shared = _own(instructions).intersection(_runs(answer))
    return bool(shared) and not shared.issubset(_runs(given))


@lru_cache(maxsize=256)
def _own(instructions: str) -> frozenset[tuple[str, ...]]:
    """A prompt's instructions are the same in every request, or nearly so."""
    return frozenset(_runs(instructions))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return zip(*(words[start:] for start in range(LONGEST_QUOTE)), strict=False)
