"""Credentials in an answer, by their form: the formats that providers document, and named values that look random."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

# Each with what it cannot be without: to look for a word is many times cheaper than to look for a pattern.
_FORMS: Final = tuple(
    (needs, re.compile(pattern))
    for needs, pattern in (
        (("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),  # AWS access key id
        (("gh", "github_pat_"), r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_[A-Za-z0-9_]{22,255}\b"),
        (("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,64}\b"),  # GitLab
        (("xox",), r"\bxox[abeprs]-[A-Za-z0-9-]{10,250}\b"),  # Slack
        (("AIza",), r"\bAIza[0-9A-Za-z_-]{35}\b"),  # Google
        (("k_live_", "k_test_"), r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,99}\b"),  # Stripe
        (("sk-",), r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,200}\b"),  # OpenAI, Anthropic
        (("npm_", "pypi-"), r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,250}\b"),
        (
            ("PRIVATE KEY",),
            r"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s]{0,8000}-----END [A-Z ]{0,30}-----)?",
        ),
        (
            ("eyJ",),
            r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}",
        ),  # JSON Web Token
        (
            ("Key=",),
            r"(?<=AccountKey=)[A-Za-z0-9+/]{43,88}={0,2}|(?<=SharedAccessKey=)[A-Za-z0-9+/]{43}=",
        ),  # Azure
        (("sig=",), r"(?<=[?&]sig=)[A-Za-z0-9%]{43,90}"),  # Azure SAS
        (("://",), r"(?<=://)[^\s/:@]{1,64}:[^\s/:@]{3,64}(?=@[\w.-])"),  # user:password@host
    )
)
_BY_NEED: Final = tuple((need, form) for needs, form in _FORMS for need in needs)
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
    for form in dict.fromkeys([form for need, form in _BY_NEED if need in text]):
        for match in form.finditer(text):
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
