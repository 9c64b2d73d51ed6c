"""Agents that differ in their number, or in how much they hold: tasks, topics, prompts."""

from __future__ import annotations

from agents.implementation import rules
from agents.implementation.models import DraftCode, GenerateCode, from_spec
from agents.runtime import Agent, Context, Outcome
from agents.runtime.agent import DeclaredPrompt
from benchmarks.capacity.room.vocabulary import CodeWritten, offered, written
from domain.entities.values import identifier

TASKS, PROMPTS = 20, 50


def agent(name: str, *, tasks: int = 1, prompts: int = 1) -> Agent:
    """Its first task takes `agents.{name}.spec.offered`; each further one has an event, and so a stream, of its own."""
    made = Agent(name, description="Writes code for specifications, beside others.")
    result = written(name)
    made.publishes(result)
    declared = [
        made.prompt(prompt, takes=GenerateCode, returns=DraftCode) for prompt in prompt_names(prompts)
    ]
    for number in range(tasks):
        _declare(made, number, declared[number % prompts], result)
    return made


def prompt_names(count: int) -> list[str]:
    return ["write-code", *(f"write-code-{number}" for number in range(2, count + 1))]


def _declare(
    made: Agent, number: int, prompt: DeclaredPrompt[GenerateCode, DraftCode], result: type[CodeWritten]
) -> None:
    async def write_code(spec: GenerateCode, ctx: Context) -> Outcome:
        """Write the code that a test specification asks for."""
        draft = await ctx.ask(prompt, spec)
        code = result(
            code_id=identifier("CODE", ctx.execution_id),
            spec_id=spec.spec_id,
            feature_title=spec.feature_title,
            language=spec.language,
            files=rules.placed(draft.files),
            explanation=draft.explanation,
        )
        return Outcome(output=code, events=[code])

    suffix = f"_{number + 1}" if number else ""
    write_code.__name__ += suffix
    made.on(offered(made.name, f"spec{suffix.replace('_', '')}"), from_spec)(made.task()(write_code))


SIDE1, SIDE2, SIDE3, SIDE4, SIDE5 = (agent(f"side{number}") for number in range(1, 6))
NARROW = agent("narrow")
WIDE = agent("wide", tasks=TASKS, prompts=PROMPTS)
