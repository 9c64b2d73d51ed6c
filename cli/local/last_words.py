"""Why a program ended, or a sidecar cannot receive: what it said itself, made readable, with what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import takewhile

from infrastructure.dapr.words import cure

_FATAL = re.compile(r'level=fatal msg="((?:[^"\\]|\\.)*)"')
_UNREAD = re.compile(
    r'level=error msg="Error reading from topic (?P<topic>[^ "]+?)\. .*amqp:not-found.*\'(?P<entity>[^\']+)\' could not be found'
)
_COMPONENT = "initialization error occurred for "
_LONGEST = 300


def last_words(line: str) -> str | None:
    """None for any line but that of a fatal error."""
    if (found := _FATAL.search(line)) is None:
        return None
    said = str(json.loads(f'"{found[1]}"', strict=False))
    told = re.sub(r"-{5,}|\s+", " ", said.rpartition(_COMPONENT)[2])
    return re.sub(" +", " ", told).strip()[:_LONGEST] + cure(said)


def plain_words(lines: Sequence[str]) -> str:
    """What a program said at its end beside its log, whose entries are JSON: why an agent refuses to start."""
    said = takewhile(lambda line: not line.startswith("{"), reversed(lines))
    return "\n".join([*said][::-1])


def complaint(line: str) -> tuple[str, str] | None:
    """A topic that a living sidecar receives nothing of, and what to do: it tries again and again, and says so nowhere else."""
    if (found := _UNREAD.search(line)) is None:
        return None
    return found[
        "topic"
    ], f"nothing of {found['topic']} is received: {found['entity']!r} is not there{cure(line)}"
