"""What a handler may do while it runs: ask a prompt, read an entity, reach the one outside effect it exists for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from agents.runtime.agent import DeclaredPrompt

Out = TypeVar("Out", bound=BaseModel)
Entity = TypeVar("Entity", bound=BaseModel)
Port = TypeVar("Port")


class Context(Protocol):
    """One attempt of one execution. Everything asked of it may be asked twice, so nothing in it is visible outside."""

    @property
    def execution_id(self) -> str: ...

    @property
    def correlation_id(self) -> str: ...

    async def ask(self, prompt: DeclaredPrompt[BaseModel, Out], variables: BaseModel) -> Out:
        """Render the prompt with the fields of `variables`, ask the model, validate; one repair turn shows it its error."""
        ...

    async def read(self, entity: type[Entity], entity_id: str) -> Entity | None:
        """The entity as it is now, None when there is none."""
        ...

    async def effect(self, port: type[Port]) -> Port:
        """The adapter of an outside effect, once it is sure that this attempt still owns the execution.

        Pass `execution_id` on as the idempotency key. A task with an effect does that one effect and nothing else.
        """
        ...
