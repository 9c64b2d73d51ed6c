"""A weak prompt with twenty cases, and models that it can be made good for, in different ways."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from domain import json
from domain.chat import ChatRequest
from infrastructure.evaluation.answers import Asker, ModelName
from infrastructure.evaluation.cases import Case
from infrastructure.evaluation.subjects import Subject, load
from infrastructure.memory.model import Scripted, ScriptedModel
from infrastructure.optimisation.bench import Bench
from infrastructure.optimisation.budget import Allowance

NAME = "desk/sort"
MODEL = ModelName("scripted", "tiny", "0" * 64)
RULE = "A broken thing that can be touched is hardware, everything else is software."
Answers: TypeAlias = Callable[[ChatRequest], Scripted]

PROMPT = """\
name: sort
description: Sorts a ticket.
template_format: {form}
template: |
  <message role="system">Sort it.</message>
  <message role="user"><ticket>{variable}</ticket></message>
input_variables:
  - name: title
    description: What it is about.
output_variable:
  description: The category.
  json_schema: |
    {{
      "type": "object",
      "additionalProperties": false,
      "required": ["category"],
      "properties": {{"category": {{"type": "string", "enum": ["hardware", "software", "other"]}}}}
    }}
execution_settings:
  default:
    max_tokens: 100
    temperature: 0.0
"""
WORDS = ("printer", "mouse", "screen", "cable", "dock", "browser", "mail", "editor", "driver", "update")


def prompt_text(form: str = "semantic-kernel") -> str:
    return PROMPT.format(form=form, variable="{{$title}}" if form == "semantic-kernel" else "{{ title }}")


def written(folder: Path, *, cases: int = 20, prompt: str | None = None) -> Path:
    """The folder `prompts` with the prompt, version 1.0.0, and as many cases, every second one easy."""
    place = folder / "prompts" / NAME
    place.mkdir(parents=True, exist_ok=True)
    (place / "1.0.0.yaml").write_text(prompt or prompt_text())
    lines = ["cases:"]
    for number in range(cases):
        word = WORDS[number % len(WORDS)]
        title = f"{'easy' if number % 3 == 0 else 'hard'} {word} {number}"
        lines += [
            f"  - id: {word}-{number}",
            f"    input: {{title: {title}}}",
            f"    checks: [{{at: category, equals: {right(word)}}}]",
        ]
    (place / "cases.yaml").write_text("\n".join(lines) + "\n")
    return folder / "prompts"


def subject_in(folder: Path) -> Subject:
    return load(folder / "prompts", NAME)


def right(title: str) -> str:
    return "hardware" if any(word in title for word in WORDS[:5]) else "software"


def bench_of(
    subject: Subject,
    model: ScriptedModel,
    *,
    calls: int | None = None,
    tokens: int | None = None,
    seed: int = 1,
) -> Bench:
    allowance = Allowance(calls, tokens)
    return Bench(subject, Asker(model, MODEL, budget=allowance), None, allowance, seed)


def answering(
    is_helped: Callable[[ChatRequest], bool], proposals: tuple[str, ...] = (RULE,)
) -> Callable[[ChatRequest], str]:
    """A model that is right about easy tickets, and about all others when it is helped; it proposes by turns."""
    proposed = 0

    def answer(request: ChatRequest) -> str:
        nonlocal proposed
        if is_proposal(request):
            proposed += 1
            return json.dump(
                {"problem": "It has no rule.", "instruction": proposals[proposed % len(proposals)]}
            ).decode()
        title = request.messages[-1].content
        is_right = "easy" in title or is_helped(request)
        return json.dump({"category": right(title) if is_right else "other"}).decode()

    return answer


def by_chance(salt: int) -> Answers:
    """A model that no prompt helps and none harms: it is right by the toss of a coin about each text that it is sent."""
    proposed = itertools.count()

    def answer(request: ChatRequest) -> str:
        if is_proposal(request):
            text = f"Number {next(proposed)}: think well before sorting."
            return json.dump({"problem": "None.", "instruction": text}).decode()
        coin = hashlib.sha256(f"{salt} {text_of(request)}".encode()).digest()[0] % 2
        return json.dump({"category": right(request.messages[-1].content) if coin else "other"}).decode()

    return answer


def is_proposal(request: ChatRequest) -> bool:
    return request.output_name == "proposer"


def has_rule(request: ChatRequest) -> bool:
    return RULE in request.messages[0].content


def has_examples(request: ChatRequest) -> bool:
    return sum(message.role == "assistant" for message in request.messages) >= 2


def never(_: ChatRequest) -> bool:
    return False


def text_of(request: ChatRequest) -> str:
    return "\n".join(message.content for message in request.messages)


def titles(cases: tuple[Case, ...]) -> list[str]:
    return [str(case.input["title"]) for case in cases]
