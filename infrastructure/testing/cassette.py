"""A real model's answers, recorded once into a file of the repository and replayed for ever.

    model = Cassette(HERE / "cassettes/reset.yaml")
    async with platform(AGENT, model=model) as p: …

Replay is strict: what was never recorded is refused, with the recorded request that is nearest to it. With AGENTS_RECORD=1
such a request goes to the real model, the one that the environment's settings name, and its answer into the file.

What is recorded is what goes through the model port: no header and no key of the provider comes near it. Texts are scrubbed
before they are hashed, compared or written (`scrub`), so a request that differs in its secrets alone is the same request.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import Rejected
from domain.ports.model import LanguageModel
from domain.secret_forms import hide_secrets
from infrastructure.host.settings import Settings
from infrastructure.llm.clients.factory import model_from
from infrastructure.telemetry.redaction import MASK, redact_text

RECORD = "AGENTS_RECORD"
SOMEBODY = "somebody@example.com"
_SHOWN_LINES = 12
_HEAD = "# Recorded by infrastructure.testing.cassette; secrets and addresses are scrubbed. To record anew: remove an entry, set AGENTS_RECORD=1.\n"
_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_HEADER = re.compile(r"(?im)^(\s*(?:x-)?[\w-]*(?:api-?key|token|authorization|cookie)\s*:\s*).+$")
"""`X-API-Key: …` and its like: a header's name and value, as people paste them."""


def scrub(text: str) -> str:
    """The text without keys, bearer tokens, passwords in URLs and e-mail addresses."""
    text = redact_text(hide_secrets(text, MASK, begun=True))
    return _HEADER.sub(rf"\1{MASK}", _ADDRESS.sub(SOMEBODY, text))


class Cassette:
    """`LanguageModel` that replays a file. `real` makes the model to record from; by default the settings name it."""

    name = "cassette"

    def __init__(
        self, path: Path, *, record: bool | None = None, real: Callable[[], LanguageModel] | None = None
    ) -> None:
        self.path = path
        self._record = os.environ.get(RECORD) == "1" if record is None else record
        self._make_real = real or (lambda: model_from(Settings()))
        self._real: LanguageModel | None = None
        self._entries: dict[str, dict[str, Any]] = _read(path)

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        asked = _asked(request)
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
        if key not in self._entries:
            if not self._record:
                raise Rejected(self._unknown(request, asked))
            await self._recorded(key, asked, request)
        reply = self._entries[key]["reply"]
        if on_text is not None:
            on_text(reply["text"])
        return ChatReply(reply["text"], reply["model"], Usage(**reply["usage"]))

    async def check(self) -> None:
        if self._record:
            await self._model.check()

    async def close(self) -> None:
        if self._real is not None:
            await self._real.close()

    @property
    def _model(self) -> LanguageModel:
        if self._real is None:
            self._real = self._make_real()
        return self._real

    async def _recorded(self, key: str, asked: dict[str, Any], request: ChatRequest) -> None:
        reply = await self._model.complete(request)
        told = {"text": scrub(reply.text), "model": reply.model, "usage": asdict(reply.usage)}
        self._entries[key] = {"request": asked, "reply": told}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(
            _HEAD + yaml.safe_dump(self._entries, sort_keys=False, allow_unicode=True, width=110)
        )

    def _unknown(self, request: ChatRequest, asked: Mapping[str, Any]) -> str:
        told = f"{self.path} holds no answer to this request for {request.output_name}"
        cure = f"record it, from the model of the settings: {RECORD}=1 python -m pytest …"
        if not self._entries:
            return f"{told}: it is empty or absent; {cure}"
        mine = _lines(asked)
        nearest = max(
            (_lines(entry["request"]) for entry in self._entries.values()),
            key=lambda lines: difflib.SequenceMatcher(None, "\n".join(lines), "\n".join(mine)).ratio(),
        )
        difference = list(difflib.unified_diff(nearest, mine, "recorded", "asked", lineterm="", n=0))
        shown = "\n".join(difference[:_SHOWN_LINES])
        return f"{told}; the nearest one differs so:\n{shown}\n{cure}"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def _asked(request: ChatRequest) -> dict[str, Any]:
    """What the answer depends on; whose question it is and how long it may take are no part of it."""
    return {
        "prompt": request.output_name,
        "messages": [{"role": one.role, "content": scrub(one.content)} for one in request.messages],
        "schema": request.output_schema,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
    }


def _lines(asked: Mapping[str, Any]) -> list[str]:
    text = yaml.safe_dump({**asked, "messages": None}, sort_keys=True, allow_unicode=True)
    for one in asked["messages"]:
        text += f"{one['role']}:\n{one['content']}\n"
    return text.splitlines()
