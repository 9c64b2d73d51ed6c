"""Asking a prompt: render, call the model, validate the answer, and once show the model its error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from agents.runtime.watch import Watch
from domain.chat import ChatReply, ChatRequest, Message, Origin, Usage
from domain.errors import ModelAnswerInvalid
from domain.ports.model import LanguageModel
from domain.prompt import Prompt

Out = TypeVar("Out", bound=BaseModel)

SHOWN_ERRORS = 5
SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Asked(Generic[Out]):
    answer: Out
    model: str
    usage: Usage
    repaired: bool
    cost: float | None = None


async def ask(
    model: LanguageModel,
    prompt: Prompt,
    variables: dict[str, Any],
    returns: type[Out],
    *,
    watch: Watch | None = None,
    origin: Origin | None = None,
) -> Asked[Out]:
    """Raise `ModelAnswerInvalid` when the second answer does not fit either; the model's own errors pass through."""
    request = ChatRequest(
        messages=prompt.render(variables),
        max_tokens=prompt.max_tokens,
        output_schema=prompt.output_schema,
        output_name=prompt.name.replace("-", "_"),
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        seed=prompt.seed,
        timeout=prompt.timeout,
        origin=origin,
        untrusted=variables,
    )
    first = await _complete(model, prompt, request, watch)
    try:
        return Asked(
            returns.model_validate_json(first.text), first.model, first.usage, repaired=False, cost=first.cost
        )
    except ValidationError as error:
        second = await _complete(model, prompt, _repair(request, first, error), watch)
    try:
        answer = returns.model_validate_json(second.text)
    except ValidationError as error:
        raise ModelAnswerInvalid(
            f"the answer of {second.model} to the prompt {prompt.name} {prompt.version} does not fit its schema, "
            f"even after it was shown the error: {_describe(error)}",
            prompt=prompt.name,
            excerpt=second.text[:SHOWN_CHARACTERS],
        ) from None
    cost = sum_of(first.cost, second.cost)
    return Asked(answer, second.model, first.usage + second.usage, repaired=True, cost=cost)


def sum_of(one: float | None, other: float | None) -> float | None:
    """The cost of both; None where neither has a price."""
    return one if other is None else other + (one or 0.0)


async def _complete(
    model: LanguageModel, prompt: Prompt, request: ChatRequest, watch: Watch | None
) -> ChatReply:
    if watch is None:
        return await model.complete(request)
    watch.asked(prompt)
    reply = await model.complete(request, watch.text)
    watch.answered(reply)
    return reply


def _repair(request: ChatRequest, reply: ChatReply, error: ValidationError) -> ChatRequest:
    complaint = (
        f"Your answer does not fit the required JSON schema: {_describe(error)}. "
        "Answer again, with the corrected JSON object and nothing else."
    )
    return replace(
        request, messages=(*request.messages, Message("assistant", reply.text), Message("user", complaint))
    )


def _describe(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    shown = [f"{'.'.join(map(str, p['loc'])) or 'answer'}: {p['msg']}" for p in problems[:SHOWN_ERRORS]]
    if len(problems) > SHOWN_ERRORS:
        shown.append(f"and {len(problems) - SHOWN_ERRORS} more")
    return "; ".join(shown)
