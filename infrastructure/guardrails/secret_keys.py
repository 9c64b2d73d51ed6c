"""Credentials in an answer, by their form: the formats that providers document, and named values that look random."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from domain.secret_forms import secrets_in

_NAMED: Final = re.compile(
    r"(?:password|passwd|pwd|passwort|kennwort|secret|token|api[_-]?key|apikey)[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?([^\s\"',;]{12,128})"
)
_NAMED_ANYHOW: Final = re.compile(_NAMED.pattern, re.IGNORECASE)
_NO_SECRET: Final = re.compile(
    r"example|changeme|placeholder|your[_-]|dummy|xxxx|\*\*\*|\$\{|\{\{|<|\(|\.get|environ|settings\.",
    re.IGNORECASE,
)
_RANDOM: Final = 3.5
"""Bits for each character, from which a value looks random: words have about 3, a generated password of 16 about 3.8."""


def find_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of what looks like a credential; those that may overlap are given both."""
    for match in secrets_in(text):
        if not _NO_SECRET.search(match[0]):
            yield match.span()
    if ":" in text or "=" in text:
        # Lower case is searched many times faster than any case, but only ASCII keeps its offsets in it.
        named = _NAMED.finditer(text.lower()) if text.isascii() else _NAMED_ANYHOW.finditer(text)
        for start, end in (match.span(1) for match in named):
            if not _NO_SECRET.search(text, start, end) and entropy(text[start:end]) >= _RANDOM:
                yield start, end


def entropy(text: str) -> float:
    """Shannon's, in bits for each character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
