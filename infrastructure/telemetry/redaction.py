"""Masks secrets and personal data in what is logged: by the name of the field, and by their form inside of texts."""

from __future__ import annotations

import re
from typing import Any

from domain.pii import find_personal
from domain.secret_forms import SECRET_FORMS, hide_secrets

MASK = "***"

_SECRET_NAME = re.compile(
    r"key|token|secret|passw|pwd|authorization|credential|connection_?string", re.IGNORECASE
)
_PUBLIC_NAMES = frozenset({"idempotency_key", "state_key", "trigger_key"})
"""Names that look like a secret's and hold none."""

# A cheap look first: nearly no line has any of these.
_SUSPICIOUS = ("bearer", "basic", "://", "key", "token", "secret", "passw", "pwd", "sig", "authorization")
_NEEDED = tuple(need for form in SECRET_FORMS for need in form.needs)
_SECRETS = (
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(://)[^/\s@]*@"), rf"\1{MASK}@"),
    (
        re.compile(
            r"((?:api[-_]?|access|account|shared ?access|auth)_?(?:key|signature)|token|secret|passw(?:or)?d|pwd|sig"
            r"|authorization)([\"']?\s*[=:]\s*[\"']?)(?!(?:bearer|basic)\b)[^\s;&,\"']+",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
)

_PERSONAL = re.compile(r"@|\d{4}[ -]?\d{4}")
"""What an address, an account or a card number has, and few lines else."""

_DEPTH = 8


def redact(value: Any, depth: int = 0) -> Any:
    """A copy of a value as a log line shows it: JSON values and texts. Only texts are secrets: `input_tokens=12` stays."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict() if depth < _DEPTH:
            return {str(name): _field(str(name), item, depth + 1) for name, item in value.items()}
        case list() | tuple() if depth < _DEPTH:
            return [redact(item, depth + 1) for item in value]
        case dict() | list() | tuple():
            return "…"
    try:
        return redact_text(str(value))
    except Exception:  # noqa: BLE001  # its __str__ fails
        return type(value).__qualname__


def redact_text(text: str) -> str:
    lower = text.lower()
    if any(word in lower for word in _SUSPICIOUS):
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
    if any(need in text for need in _NEEDED):
        text = hide_secrets(text, MASK)
    if _PERSONAL.search(text):
        for found in reversed(list(find_personal(text, ("email", "iban", "card")))):
            text = text[: found.start] + MASK + text[found.end :]
    return text


def _field(name: str, value: Any, depth: int) -> Any:
    secret = _SECRET_NAME.search(name) and name.lower() not in _PUBLIC_NAMES
    return MASK if secret and isinstance(value, (str, bytes, list, tuple)) else redact(value, depth)
