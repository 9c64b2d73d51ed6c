"""A server's answer, whole or in pieces, as a `ChatReply`, or as the error that it amounts to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import AgentError, ModelAnswerInvalid, ModelRefused, ModelTruncated, ModelUnavailable
from infrastructure.llm.clients.endpoint import Endpoint
from infrastructure.llm.clients.failures import excerpt

MAX_ANSWER_BYTES = 4 * 1024 * 1024


class _Wire(BaseModel):
    """What we read of the wire format, from JSON or from an SDK's objects; everything else in it is ignored."""

    model_config = ConfigDict(from_attributes=True)


class _TokenDetails(_Wire):
    cached_tokens: int | None = None


class _Tokens(_Wire):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _TokenDetails | None = None


class _Message(_Wire):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Wire):
    message: _Message
    finish_reason: str | None = None


class _ChunkChoice(_Wire):
    # Azure sends choices without a delta when it filters content after the fact.
    delta: _Message | None = None
    finish_reason: str | None = None


class Completion(_Wire):
    choices: list[_Choice]
    model: str | None = None
    usage: _Tokens | None = None


class Chunk(_Wire):
    """One event of a stream. Azure's first and everybody's last (the usage) have no choices."""

    choices: list[_ChunkChoice] = []
    model: str | None = None
    usage: _Tokens | None = None
    error: Any = None


@dataclass(slots=True)
class Answer:
    """What has arrived of an answer so far."""

    endpoint: Endpoint
    pieces: list[str] = field(default_factory=list)
    refusal: str = ""
    finish_reason: str | None = None
    model: str | None = None
    usage: _Tokens | None = None

    @classmethod
    def whole(cls, endpoint: Endpoint, completion: Completion) -> Self:
        if not completion.choices:
            raise ModelAnswerInvalid(f"{endpoint.server} sent a reply without an answer (no choices)")
        choice = completion.choices[0]
        return cls(
            endpoint,
            [choice.message.content or ""],
            choice.message.refusal or "",
            choice.finish_reason,
            completion.model,
            completion.usage,
        )

    def add(self, chunk: Chunk) -> str:
        """Take in one event of a stream; returns the text it brought."""
        self.model = chunk.model or self.model
        self.usage = chunk.usage or self.usage
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.delta is None:
            return ""
        self.refusal += choice.delta.refusal or ""
        text = choice.delta.content or ""
        self.pieces.append(text)
        return text

    def reply(self, request: ChatRequest) -> ChatReply:
        """The answer, when it is one.

        Raises:
            ModelRefused, ModelTruncated, ModelAnswerInvalid

        """
        text = "".join(self.pieces)
        counted = self.usage or _Tokens()
        details = counted.prompt_tokens_details or _TokenDetails()
        usage = Usage(counted.prompt_tokens or 0, counted.completion_tokens or 0, details.cached_tokens or 0)
        model = self.model or self.endpoint.model
        if self.refusal:
            raise ModelRefused(f"the model {model} refuses this input: {excerpt(self.refusal)}", model=model)
        if self.finish_reason == "content_filter":
            raise ModelRefused(
                f"the content filter of {self.endpoint.server} stopped the answer", model=model
            )
        if self.finish_reason == "length":
            raise ModelTruncated(
                f"the answer of {model} was cut off at {request.max_tokens} tokens: raise the prompt's max_tokens, "
                "or bound its output schema more tightly (maxItems, maxLength)",
                model=model,
                max_tokens=request.max_tokens,
                output_tokens=usage.output_tokens,
            )
        if not text:
            raise ModelAnswerInvalid(f"the model {model} answered with no text at all", model=model)
        if not _is_storable(text):
            raise ModelAnswerInvalid(
                f"the answer of {model} contains characters that no store takes (NUL, halves of surrogate pairs)",
                model=model,
            )
        return ChatReply(text=text, model=model, usage=usage)


def unreadable(endpoint: Endpoint, body: bytes | str, error: ValidationError | ValueError) -> AgentError:
    """The error for a reply of status 200 that is no chat completion.

    Broken JSON is one bad answer, and counts as an attempt; anything else is a server of another kind.
    """
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    if text.lstrip().startswith("{"):
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        return ModelAnswerInvalid(
            f"{endpoint.server} sent a reply that cannot be read ({why}): {excerpt(text)}"
        )
    ours = f"{endpoint.server} does not answer as a model's server: {endpoint.address_cure}"
    return ModelUnavailable(f"{ours}. It said: {excerpt(text)}", common=ours)


def too_large(endpoint: Endpoint) -> ModelAnswerInvalid:
    return ModelAnswerInvalid(
        f"{endpoint.server} sent an answer of more than {MAX_ANSWER_BYTES} bytes: bound the prompt's max_tokens",
        max_bytes=MAX_ANSWER_BYTES,
    )


def cut_off(endpoint: Endpoint) -> ModelUnavailable:
    what = f"{endpoint.server} ended the stream in the middle of the answer"
    return ModelUnavailable(what, common=what)


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
