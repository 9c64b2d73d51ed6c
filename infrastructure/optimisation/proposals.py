"""Instructions proposed by a model, which sees the current one, the training cases it failed, and how earlier ones fared.

Sources: COPRO (O. Khattab et al., DSPy: Compiling Declarative Language Model Calls into Self-Improving Pipelines, 2023): rounds of
proposals with the scores of earlier ones. MIPRO (K. Opsahl-Ong et al., Optimizing Instructions and Demonstrations for
Multi-Stage Language Model Programs, 2024): grounded in data, with a tip that makes them differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from domain.chat import ChatRequest
from domain.errors import AgentError, ModelTimeout
from domain.prompt import Prompt, request_for
from infrastructure.evaluation.answers import Asker, BudgetSpent
from infrastructure.evaluation.subjects import load_prompt
from infrastructure.optimisation.editing import code_of

LONGEST_INSTRUCTION: Final = 1_800
"""Characters, as in the proposer's schema: llama.cpp, and so Ollama, fails on grammars with more than 2,000 repetitions."""
SHOWN_FAILURES: Final = 4
SHOWN_EARLIER: Final = 3
_SHOWN_TEXT: Final = 1200
"""Characters of a question or an answer."""
_TIPS: Final = (
    "State each rule that the failed answers broke, as a short list.",
    "Describe step by step how to come to a good answer.",
    "Explain the words and choices that the answer allows, each in a few words.",
    "As short and plain as it can be without losing a rule.",
    "Name the mistakes to avoid, and what to do instead.",
    "Say first what a good answer achieves, then the rules.",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A question of a training case, what was answered, and what is wrong with that."""

    question: str
    answer: str
    problems: Sequence[str]


class Proposal(BaseModel):
    problem: str
    instruction: str = Field(min_length=1)


async def propose(
    asking: Asker,
    prompt: Prompt,
    instruction: str,
    failures: Sequence[Failure],
    earlier: Sequence[tuple[str, float]],
    *,
    count: int,
    seed: int,
    on_answer: Callable[[], None] = lambda: None,
) -> list[str]:
    """Ask for `count` instructions, or as many as the budget allows; what is none, or repeats another, is left out.

    `earlier` are instructions with their gains over the prompt, the best first. An `AgentError` of the model passes through.
    """
    requests = requests_for(prompt, instruction, failures, earlier, count=count, seed=seed)

    async def one(request: ChatRequest) -> str | AgentError | None:
        try:
            answer = await asking.ask(request)
            return Proposal.model_validate_json(answer.text or "").instruction.strip()
        except (BudgetSpent, ModelTimeout, ValidationError):  # the others may do
            return None
        except AgentError as error:  # raised below: a group would wrap it
            return error
        finally:
            on_answer()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(request)) for request in requests]
    found: dict[str, None] = {}
    for task in tasks:
        match task.result():
            case AgentError() as error:
                raise error
            case str(text):
                found[text] = None
    known = {instruction.strip(), *(text for text, _ in earlier)}
    return [text for text in found if text not in known]


def requests_for(
    prompt: Prompt,
    instruction: str,
    failures: Sequence[Failure],
    earlier: Sequence[tuple[str, float]],
    *,
    count: int,
    seed: int,
) -> list[ChatRequest]:
    values = {
        "purpose": prompt.description or prompt.name,
        "instruction": f"{instruction}{_kept(instruction)}" or None,
        "failures": "\n\n".join(map(_failure, failures[:SHOWN_FAILURES])) or None,
        "earlier": "\n\n".join(f"{gain:+.2f}: {text}" for text, gain in earlier[:SHOWN_EARLIER]) or None,
    }
    proposer = proposer_prompt()
    return [
        request_for(proposer, {**values, "tip": _TIPS[(seed + number) % len(_TIPS)]}, seed=seed + number)
        for number in range(count)
    ]


def proposer_prompt() -> Prompt:
    return load_prompt(Path(__file__).with_name("proposer"), "1.0.0")


def _kept(instruction: str) -> str:
    code = code_of(instruction)
    return f"\n(to be kept: {' '.join(code)})" if code else ""


def _failure(failure: Failure) -> str:
    problems = "\n".join(f"wrong: {problem}" for problem in failure.problems[:3])
    return f"question: {_short(failure.question)}\nanswer: {_short(failure.answer)}\n{problems}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…"
