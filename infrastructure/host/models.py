"""The models of an agent: the one that the environment names, or those of the file that AGENTS_MODELS names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from agents.runtime.agent import Agent
from domain.ports.model import LanguageModel
from domain.ports.pubsub import Publisher
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from infrastructure.host.settings import Settings
from infrastructure.llm.from_environment import stack_from_environment
from infrastructure.llm.spending.costs import CostBook
from infrastructure.telemetry.model import TracedModel

Other: TypeAlias = Callable[[str], AbstractAsyncContextManager[LanguageModel]]


@dataclass(frozen=True, slots=True)
class Reach:
    """What models need of their process: `shared` is the store in which all agents count together."""

    store: StateStore
    shared: StateStore
    publisher: Publisher
    telemetry: Telemetry

    def trace(self, model: LanguageModel, provider: str, name: str) -> LanguageModel:
        return TracedModel(model, self.telemetry, provider=provider, name=name)


@dataclass(frozen=True, slots=True)
class Models:
    """`costs` is None where nobody counts; `close` writes what was counted last.

    `other` gives a model that no task asks: one of the file by its name, or without a file another of the same provider.
    It raises `ModelMisconfigured` for a name that is not in the file.
    """

    model: LanguageModel
    costs: CostBook | None
    close: Callable[[], Awaitable[None]]
    other: Other


def models_of(agent: Agent, settings: Settings) -> Callable[[Reach], Models]:
    """What makes them when there is a loop; it raises ValueError where the chosen client's package is not installed.

    Raises:
        ModelsInvalid: the file is wrong, or speaks of a task that the agent does not have.

    """
    if settings.models is None:
        return partial(_from_environment, settings)
    # Imported only when there is a file: prices, budgets, limits and their like are a part of every start otherwise.
    from infrastructure.host.catalogue import catalogue_of, models_from  # noqa: PLC0415

    return partial(models_from, catalogue_of(agent, settings.models), agent, settings)


def _from_environment(settings: Settings, reach: Reach) -> Models:
    @asynccontextmanager
    async def of_the_provider(name: str) -> AsyncIterator[LanguageModel]:
        found = stack_from_environment(settings.with_model(name), reach.trace)
        try:
            yield found
        finally:
            await found.close()

    model = stack_from_environment(settings, reach.trace)
    return Models(model, None, model.close, of_the_provider)
