"""What a handler may do while it runs: ask a prompt, read an entity, reach the one outside effect it exists for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pydantic import BaseModel

from agents.runtime.asking import ask, sum_of
from domain.chat import Origin, Usage
from domain.execution import PromptUse
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from domain.ports.pubsub import Publisher
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from agents.runtime.agent import DeclaredPrompt
    from agents.runtime.entities import Entities

Out = TypeVar("Out", bound=BaseModel)
Entity = TypeVar("Entity", bound=BaseModel)
Port = TypeVar("Port")


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything an agent reaches outside itself. `effects` maps a port (its Protocol) to the adapter in use."""

    store: StateStore
    publisher: Publisher
    model: LanguageModel
    prompts: PromptRegistry
    telemetry: Telemetry
    effects: Mapping[type[Any], object]


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
        on_text: Callable[[str], None] | None = None,
    ) -> None:
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
        self._on_text = on_text

    async def ask(self, declared: DeclaredPrompt[Any, Out], variables: BaseModel) -> Out:
        """Render the prompt with the fields of `variables`, ask the model, validate; one repair turn shows it its error."""
        # Who was frozen pays for nothing that another has done meanwhile.
        await self._still_mine(surely=False)
        prompt = self._ports.prompts.get(declared.name)
        self.prompt = PromptUse(name=prompt.name, version=prompt.version, content_hash=prompt.content_hash)
        values = variables.model_dump(mode="json")
        origin = Origin(
            self._agent, self._task, self.execution_id, self.correlation_id, prompt.name, prompt.version
        )
        asked = await ask(
            self._ports.model, prompt, values, declared.returns, on_text=self._on_text, origin=origin
        )
        self.model = asked.model
        self.usage += asked.usage
        self.cost = sum_of(self.cost, asked.cost)
        if asked.repaired:
            self._ports.telemetry.count("agents.answers.repaired", attributes={"prompt": prompt.name})
        return asked.answer

    async def read(self, entity: type[Entity], entity_id: str) -> Entity | None:
        """The entity as it is now, None when there is none."""
        return await self._entities.read(entity, entity_id)

    async def effect(self, port: type[Port]) -> Port:
        """The adapter of an outside effect, once it is sure that this attempt still owns the execution.

        Pass `execution_id` on as the idempotency key. A task with an effect does that one effect and nothing else.
        """
        await self._still_mine(surely=True)
        return cast("Port", self._ports.effects[port])
