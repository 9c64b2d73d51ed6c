"""Asking a model, each question once: answers are kept on disk by the hash of all that decides them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from domain import json
from domain.chat import ChatRequest, Usage
from domain.errors import AgentError, ModelRefused, ModelTruncated
from domain.ports.model import LanguageModel
from domain.tokens import input_tokens
from infrastructure.files.writing import write_whole


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model answers; `digest` is that of its weights, where the server tells it (Ollama does)."""

    provider: str
    name: str
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


class Answer(BaseModel, frozen=True):
    """`text` is None when the model was asked and gave no whole answer; `failure` says why."""

    text: str | None
    failure: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cached: bool = False

    @property
    def usage(self) -> Usage:
        return Usage(self.input_tokens, self.output_tokens)


class BudgetSpent(AgentError):
    """The next call could cost more tokens than are left; it was not made."""

    code = "budget_spent"


class Budget:
    """Tokens that may be spent. A call is counted with the most it can take until it ends, so the limit always holds."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._spent = 0

    def reserve(self, tokens: int) -> None:
        if self._limit is not None and self._spent + tokens > self._limit:
            raise BudgetSpent(
                f"the budget of {self._limit} tokens is spent: {self._spent} are used or promised, "
                f"this call may take {tokens}; give a larger --budget"
            )
        self._spent += tokens

    def settle(self, reserved: int, used: int) -> None:
        self._spent += used - reserved


class Asker:
    """A model with a bound on calls at once, a budget, and a folder of earlier answers (None: ask anew)."""

    def __init__(
        self,
        model: LanguageModel,
        name: ModelName,
        *,
        folder: Path | None = None,
        concurrency: int = 4,
        budget: Budget | None = None,
    ) -> None:
        self.name = name
        self._model = model
        self._folder = folder
        self._slots = asyncio.Semaphore(concurrency)
        self._budget = budget or Budget(None)

    async def ask(self, request: ChatRequest) -> Answer:
        """Raise `AgentError` when the model could not be asked."""
        file = self._file(request)
        if (known := _read(file)) is not None:
            return known
        async with self._slots:
            if (known := _read(file)) is not None:  # asked by another meanwhile
                return known
            answer = await self._asked(request)
        if file is not None:
            write_whole(file, json.dump(answer))
        return answer

    def knows(self, request: ChatRequest) -> bool:
        return _read(self._file(request)) is not None

    async def _asked(self, request: ChatRequest) -> Answer:
        worst = most_tokens(request)
        self._budget.reserve(worst)
        used = 0
        begun = time.monotonic()
        try:
            reply = await self._model.complete(request)
        except ModelTruncated as error:
            used = worst
            return Answer(text=None, failure=error.message, seconds=time.monotonic() - begun)
        except ModelRefused as error:
            return Answer(text=None, failure=error.message, seconds=time.monotonic() - begun)
        else:
            used = reply.usage.input_tokens + reply.usage.output_tokens
            return Answer(
                text=reply.text,
                input_tokens=reply.usage.input_tokens,
                output_tokens=reply.usage.output_tokens,
                seconds=time.monotonic() - begun,
            )
        finally:
            self._budget.settle(worst, used)

    def _file(self, request: ChatRequest) -> Path | None:
        if self._folder is None:
            return None
        decides = {
            "model": asdict(self.name),
            "messages": [asdict(message) for message in request.messages],
            "schema": request.output_schema,
            "name": request.output_name,
            "parameters": [request.max_tokens, request.temperature, request.top_p, request.seed],
        }
        digest = hashlib.sha256(json.dump(decides)).hexdigest()
        return self._folder / digest[:2] / f"{digest[2:]}.json"


def most_tokens(request: ChatRequest) -> int:
    """About what a call takes at most."""
    return input_tokens(request) + request.max_tokens


def _read(file: Path | None) -> Answer | None:
    if file is None:
        return None
    try:
        return Answer.model_validate_json(file.read_bytes()).model_copy(update={"cached": True})
    except (OSError, ValidationError):  # none yet, or not whole: ask
        return None
