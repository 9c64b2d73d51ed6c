"""What is asked of a language model, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from domain.json import JsonObject


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose question it is: one prompt of one attempt of an execution. The correlation id is the whole chain's."""

    agent: str
    task: str
    execution_id: str
    correlation_id: str
    prompt: str
    version: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion.

    `output_schema` is the JSON Schema the answer must follow (None: free text), `output_name` its name on the wire;
    `max_tokens` bounds the answer; `timeout` is in seconds, for the whole call. `origin` never goes over the wire: it is
    for what stands between the agent and the model, and None where no execution asks. `untrusted` is the same: the values
    that came from outside and stand in the messages; None where nobody knows them.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    output_schema: JsonObject | None = None
    output_name: str = "answer"
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    timeout: float = 120.0
    origin: Origin | None = None
    untrusted: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the model's server counted them. `cached_tokens` of the input came from the server's own cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
        )


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A whole answer: an answer cut by `max_tokens` is never a reply, it raises `ModelTruncated`.

    `model` is `NAME/MODEL`: the name in the file of models, and what the server calls the model that answered; without such
    a file there is no NAME. `cost` is in the currency of the models' file, None where no prices are known. A `cached` answer was paid before: its
    usage and its cost are 0. With `similarity` it was the answer of another question, whose inputs were that near (cosine, at
    most 1).
    """

    text: str
    model: str
    usage: Usage
    cost: float | None = None
    cached: bool = False
    similarity: float | None = None
