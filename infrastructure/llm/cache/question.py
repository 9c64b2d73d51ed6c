"""What of a question may differ in its wording for the answer to stay the same, and what may not.

Only the texts that came from outside (`ChatRequest.untrusted`) and stand in the messages may differ, of them only those
of two words and more, and of these no number: order 4711 is not order 4712, however near the sentences are. All else is
compared by its hash: the messages around these texts, and with them every single word, number and choice of the input.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from domain import json
from domain.chat import ChatRequest

PIECE: Final = 400
"""Characters of a text that are compared at once. Small embedding models read 256 tokens and pass over the rest without a
word: two reports that differ on page 2 would be one. Cut, each part of a text must be near its counterpart."""
MOST: Final = 8
"""Pieces of a question; longer ones are compared by the exact cache alone."""
_NUMBER: Final = re.compile(r"\w*\d\w*")


@dataclass(frozen=True, slots=True)
class Question:
    """`same` must be equal, each of the `pieces` near its counterpart."""

    same: str
    pieces: tuple[str, ...]


def question_of(request: ChatRequest) -> Question | None:
    """None where it is not known what came from outside, no text of it may differ, or the texts are too long."""
    if not request.untrusted or any(message.role == "assistant" for message in request.messages):
        return None
    messages = [message.content for message in request.messages]
    texts = list(dict.fromkeys(text for text in _texts(request.untrusted) if len(text.split()) > 1))
    if sum(map(len, texts)) > MOST * PIECE:
        return None
    differing = []
    # The longest first: one may stand within another.
    for number, text in sorted(enumerate(texts), key=lambda numbered: -len(numbered[1])):
        without = [_without(content, text, f"\0{number}\0") for content in messages]
        if without != messages:
            messages = without
            differing.append((number, text))
    cut = [textwrap.wrap(text, PIECE) for _, text in sorted(differing)]
    pieces = tuple(piece for text in cut for piece in text)
    if not 0 < len(pieces) <= MOST:
        return None
    same = [
        [(message.role, content) for message, content in zip(request.messages, messages, strict=True)],
        [[len(text), _NUMBER.findall(" ".join(text))] for text in cut],
    ]
    return Question(hashlib.sha256(json.dump(same)).hexdigest(), pieces)


def _texts(value: Any) -> Iterator[str]:
    """Every text within a JSON value but the names of fields, which stay in the messages."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _without(content: str, text: str, mark: str) -> str:
    """As it is, or as it stands in the JSON that prompts write for lists and objects."""
    in_json = json.dump(text).decode()[1:-1]
    return content.replace(text, mark).replace(in_json, mark)
