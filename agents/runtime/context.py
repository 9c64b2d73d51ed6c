"""What a handler may do while it runs: ask a prompt, read an entity, reach the one outside effect it exists for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pydantic import BaseModel

from agents.runtime.asking import Asked, ask, sum_of
from agents.runtime.watch import Watch
from domain.chat import Origin, Usage
from domain.errors import ModelAnswerInvalid, ModelTruncated
from domain.execution import PromptUse
from domain.figures import Answered
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from domain.ports.pubsub import Publisher
from domain.ports.rollout import Rollout
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from domain.prompt import Prompt

if TYPE_CHECKING:
    from agents.runtime.agent import DeclaredPrompt
    from agents.runtime.entities import Entities

Out = TypeVar("Out", bound=BaseModel)
Entity = TypeVar("Entity", bound=BaseModel)
Port = TypeVar("Port")


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything an agent reaches outside itself. `effects` maps a port (its Protocol) to the adapter in use.

    Without a `rollout` every prompt is asked in the version that the registry serves, and no figures are kept.
    """

    store: StateStore
    publisher: Publisher
    model: LanguageModel
    prompts: PromptRegistry
    telemetry: Telemetry
    effects: Mapping[type[Any], object]
    rollout: Rollout | None = None


class StillMine(Protocol):
    async def __call__(self, *, surely: bool) -> None:
        """End the attempt when its execution is another's. Not `surely`: ask only after a silence in which it may have become so."""


class Context:
    """One attempt of one execution. Everything asked of it may be asked twice, so nothing in it is visible outside.

    `execution_id` is the idempotency key of the work; `correlation_id` is the same along the whole chain.
    """

    def __init__(
        self,
        execution_id: str,
        correlation_id: str,
        *,
        agent: str,
        task: str,
        ports: Ports,
        entities: Entities,
        still_mine: StillMine,
        answers: list[Answered],
        watch: Watch | None = None,
    ) -> None:
        """`answers` gets what came of each ask that the model answered; the attempts of an execution share it."""
        self.execution_id = execution_id
        self.correlation_id = correlation_id
        self.prompt: PromptUse | None = None
        self.model: str | None = None
        self.usage = Usage()
        self.cost: float | None = None
        self._agent = agent
        self._task = task
        self._ports = ports
        self._entities = entities
        self._still_mine = still_mine
        self._answers = answers
        self._watch = watch

    async def ask(self, declared: DeclaredPrompt[Any, Out], variables: BaseModel) -> Out:
        """Render the prompt with the fields of `variables`, ask the model, validate; one repair turn shows it its error."""
        # Who was frozen pays for nothing that another has done meanwhile.
        await self._still_mine(surely=False)
        prompt, use = self._chosen(declared.name)
        self.prompt = use
        values = variables.model_dump(mode="json")
        origin = Origin(
            self._agent, self._task, self.execution_id, self.correlation_id, prompt.name, prompt.version
        )
        began = asyncio.get_running_loop().time()
        try:
            asked = await ask(
                self._ports.model, prompt, values, declared.returns, watch=self._watch, origin=origin
            )
        except (ModelAnswerInvalid, ModelTruncated):
            self._note(use, began)
            raise
        self._note(use, began, asked)
        self.model = asked.model
        self.usage += asked.usage
        self.cost = sum_of(self.cost, asked.cost)
        if asked.repaired:
            self._ports.telemetry.count("agents.answers.repaired", attributes={"prompt": prompt.name})
        return asked.answer

    def _chosen(self, name: str) -> tuple[Prompt, PromptUse]:
        """The version that a split gives to this chain of work, else the one in use; and how that is recorded."""
        chosen = self._ports.rollout.choose(name, self.correlation_id) if self._ports.rollout else None
        prompt = chosen.prompt if chosen else self._ports.prompts.get(name)
        use = PromptUse(
            name=prompt.name,
            version=prompt.version,
            content_hash=prompt.content_hash,
            split=chosen.split if chosen else None,
        )
        return prompt, use

    def _note(self, use: PromptUse, began: float, asked: Asked[Any] | None = None) -> None:
        """Without `asked` the model answered, and no answer of its was of use."""
        seconds = asyncio.get_running_loop().time() - began
        if asked is None:
            self._answers.append(Answered(use, valid=False, seconds=seconds))
            return
        usage, repaired = asked.usage, asked.repaired
        self._answers.append(
            Answered(
                use, not repaired, repaired, seconds, usage.input_tokens, usage.output_tokens, asked.cost
            )
        )

    async def read(self, entity: type[Entity], entity_id: str) -> Entity | None:
        """The entity as it is now, None when there is none."""
        return await self._entities.read(entity, entity_id)

    async def effect(self, port: type[Port]) -> Port:
        """The adapter of an outside effect, once it is sure that this attempt still owns the execution.

        Pass `execution_id` on as the idempotency key. A task with an effect does that one effect and nothing else.
        """
        await self._still_mine(surely=True)
        return cast("Port", self._ports.effects[port])
