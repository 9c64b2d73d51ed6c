"""The model of a test: answers by prompt, by schema, by script; fails and delays when told to.

    model = Model(write_notes={"headline": "New", "notes": ["A link."]})
    model = Model(write_notes=in_turn(ModelUnavailable("down"), {"headline": …}), delay=2.0)

What a prompt is not given an answer for gets the smallest one that fits its schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from domain import json
from domain.chat import ChatReply, ChatRequest
from infrastructure.memory.model import Scripted, ScriptedModel, answer_by_schema
from infrastructure.memory.schema_answer import schema_answer

Given = TypeVar("Given", bound=BaseModel)


@dataclass
class InTurn:
    answers: tuple[Any, ...]
    given: int = 0

    def next(self) -> Any:
        self.given += 1
        return self.answers[min(self.given, len(self.answers)) - 1]


def in_turn(*answers: Any) -> InTurn:
    """One answer after another; the last one for every further call."""
    if not answers:
        raise ValueError("in_turn() takes at least one answer")
    return InTurn(answers)


class Model(ScriptedModel):
    """`answers` maps prompts, with `_` for `-`, to what the model answers them; or tasks, for every prompt they ask.

    An answer is a JSON value, a pydantic model, a text as it is, an exception to raise, a `ChatReply`, a function of the
    `ChatRequest` that gives one of these, or several `in_turn`. Every call takes `delay` seconds, against the request's
    timeout. `requests` are all that were made; while `down` is set to an error, every call and check raises it.
    """

    def __init__(self, *, delay: float = 0.0, **answers: Any) -> None:
        super().__init__(self._answer, delay=delay)
        self._answers: dict[str, Any] = {}
        self.answer(**answers)

    def answer(self, **answers: Any) -> None:
        """From now on, answer these prompts or tasks so."""
        self._answers |= answers

    def asked(self, prompt: str) -> list[ChatRequest]:
        """The requests of one prompt, in order, its repairs among them."""
        return [one for one in self.requests if one.output_name == prompt.replace("-", "_")]

    @property
    def told(self) -> str:
        """What it was told in the latest request, all messages together."""
        if not self.requests:
            raise AssertionError("the model was not asked at all")
        return "\n".join(message.content for message in self.requests[-1].messages)

    def _answer(self, request: ChatRequest) -> Scripted:
        task = request.origin.task.replace("-", "_") if request.origin else ""
        name = request.output_name if request.output_name in self._answers else task
        if name not in self._answers:
            return answer_by_schema(request)
        answer = self._answers[name]
        if isinstance(answer, InTurn):
            answer = answer.next()
        return _scripted(answer(request) if callable(answer) else answer)


def smallest(model: type[Given]) -> Given:
    """The smallest instance that a pydantic model takes, always the same: an event or an input for which only its type matters."""
    return model.model_validate(schema_answer(model.model_json_schema()))


def _scripted(answer: Any) -> Scripted:
    match answer:
        case str() | ChatReply() | Exception():
            return answer
        case BaseModel():
            return answer.model_dump_json()
        case _:
            return json.dump(answer).decode()
