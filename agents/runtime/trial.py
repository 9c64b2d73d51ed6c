"""A recorded execution run once more without consequences: nothing of it is claimed, stored, published or sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from agents.runtime.agent import Agent
from agents.runtime.context import Ports
from agents.runtime.outcome import Outcome
from agents.runtime.run import failure_of
from agents.runtime.work import Work
from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import Rejected
from domain.execution import Execution, Failure, PromptUse, Trigger
from domain.figures import Answered
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from domain.ports.rollout import Chosen, Rollout
from domain.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Trial:
    """What the input of an execution gives now: an outcome or an error. Entities were read as they are now."""

    outcome: Outcome | None
    error: Failure | None
    prompt: PromptUse | None
    model: str | None
    usage: Usage
    cost: float | None
    duration_ms: float


async def run_trial(
    agent: Agent,
    ports: Ports,
    trigger: Trigger,
    prompts: Mapping[str, Prompt],
    model: LanguageModel | None = None,
) -> Trial:
    """Run the handler once, with `prompts` by name and `model` in place of those in use."""
    pinned = replace(
        ports,
        model=_OnItsOwn(model or ports.model),
        prompts=_Pinned(ports.prompts, prompts),
        effects=_NoEffects(),
        rollout=_Unpinned(ports.rollout, prompts) if ports.rollout else None,
    )
    work = Work(agent, pinned)
    context = work.context(trigger, _nobodys, [])
    outcome, error = None, None
    began = asyncio.get_running_loop().time()
    try:
        outcome = (await work.run(trigger, context)).outcome
        await work.entities.rehearse(outcome.changes)
    except Exception as problem:  # noqa: BLE001  # as the runtime records it
        outcome, error = None, failure_of(problem)
    lasted = asyncio.get_running_loop().time() - began
    return Trial(
        outcome, error, context.prompt, context.model, context.usage, context.cost, round(lasted * 1000, 1)
    )


async def _nobodys(*, surely: bool) -> None:
    """A trial owns nothing that another could have taken."""


class _OnItsOwn:
    """A `LanguageModel` asked in the name of this trial, so that none of its calls is taken from the budgets of the recorded
    execution and of its chain, which may still be at work; the day's budget pays for it.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._id = f"trial-{uuid4()}"

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        if request.origin is not None:
            own = replace(request.origin, execution_id=self._id, correlation_id=self._id)
            request = replace(request, origin=own)
        return await self._model.complete(request, on_text)

    async def check(self) -> None:
        await self._model.check()

    async def close(self) -> None:
        await self._model.close()


class _NoEffects(Mapping[type[Any], object]):
    def __getitem__(self, port: type[Any]) -> object:
        raise Rejected(f"the task reaches outside ({port.__name__}), which is not done for a trial")

    def __iter__(self) -> Iterator[type[Any]]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Unpinned:
    """A `Rollout` that gives what a split gives to the work now, but for the asker's choice; a trial is in no figures."""

    def __init__(self, rollout: Rollout, pinned: Mapping[str, Prompt]) -> None:
        self._rollout = rollout
        self._pinned = pinned

    def choose(self, name: str, sticky: str) -> Chosen | None:
        return None if name in self._pinned else self._rollout.choose(name, sticky)

    def note(self, execution: Execution, answers: Sequence[Answered]) -> None: ...


class _Pinned:
    """A `PromptRegistry` that serves some prompts in a version of the asker's choice."""

    def __init__(self, prompts: PromptRegistry, pinned: Mapping[str, Prompt]) -> None:
        self._prompts = prompts
        self._pinned = pinned

    def get(self, name: str) -> Prompt:
        return self._pinned.get(name) or self._prompts.get(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prompts, name)
