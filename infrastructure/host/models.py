"""The models of an agent, from the file that AGENTS_MODELS names or from the environment alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from uuid import NAMESPACE_URL, uuid5

from agents.runtime.agent import Agent
from domain.errors import ModelMisconfigured, ModelsInvalid
from domain.event import Event
from domain.events.budgets import BudgetPassed
from domain.ports.model import LanguageModel
from domain.ports.pubsub import Publisher
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from infrastructure.host.settings import Settings
from infrastructure.llm.accounts import Passed
from infrastructure.llm.catalogue import DEFAULT, Catalogue
from infrastructure.llm.catalogue_file import load_catalogue
from infrastructure.llm.costs import CostBook
from infrastructure.llm.ledger import Ledger
from infrastructure.llm.stack import Stack, Surroundings, stack_from_environment
from infrastructure.telemetry.model import TracedModel

Other: TypeAlias = Callable[[str], AbstractAsyncContextManager[LanguageModel]]


@dataclass(frozen=True, slots=True)
class Reach:
    """What the models of a catalogue need of their process: `shared` is the store in which all agents count together."""

    store: StateStore
    shared: StateStore
    publisher: Publisher
    telemetry: Telemetry


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


def read_models(agent: Agent, settings: Settings) -> Catalogue | None:
    """The catalogue, checked; None without AGENTS_MODELS.

    Raises:
        ModelsInvalid: the file is wrong, or speaks of a task that the agent does not have.

    """
    if settings.models is None:
        return None
    catalogue = load_catalogue(settings.models)
    for task in catalogue.routes(agent.name):
        if task not in agent.tasks and task != DEFAULT:
            raise ModelsInvalid(
                f"{settings.models}:{catalogue.lines.get(f'{agent.name}/{task}', 1)}: there is no task {agent.name}/{task} — "
                f"write one of {', '.join(agent.tasks)}, or {agent.name} alone for all of them"
            )
    return catalogue


def models_of(agent: Agent, settings: Settings, catalogue: Catalogue | None, reach: Reach) -> Models:
    """Raises ValueError: the chosen client's package is not installed."""

    def trace(model: LanguageModel, provider: str, name: str) -> LanguageModel:
        return TracedModel(model, reach.telemetry, provider=provider, name=name)

    if catalogue is None:
        model = stack_from_environment(settings, trace)

        @asynccontextmanager
        async def of_the_provider(name: str) -> AsyncIterator[LanguageModel]:
            found = stack_from_environment(settings.with_model(name), trace)
            try:
                yield found
            finally:
                await found.close()

        return Models(model, None, model.close, of_the_provider)
    costs = CostBook(reach.shared, agent.name, catalogue.currency)
    ledger = Ledger(
        agent.name,
        reach.shared,
        catalogue.budgets.of(agent.name),
        costs,
        tell=_teller(agent, catalogue.currency, reach.publisher),
        telemetry=reach.telemetry,
        ttl=settings.timing.outcome_ttl,
    )
    client = settings.agents_model_client
    stack = Stack(
        catalogue,
        Surroundings(
            agent.name,
            os.environ,
            client,
            reach.telemetry,
            trace,
            ledger,
            store=reach.store,
            shared=reach.shared,
        ),
    )
    model = stack.model()

    @asynccontextmanager
    async def of_the_file(name: str) -> AsyncIterator[LanguageModel]:
        found = stack.named(name)
        if found is None:
            raise ModelMisconfigured(
                f"{settings.models} names no model {name!r}: it has {', '.join(catalogue.models)}", model=name
            )
        yield found

    async def close() -> None:
        await ledger.close()
        await model.close()

    return Models(model, costs, close, of_the_file)


def _teller(agent: Agent, currency: str | None, publisher: Publisher) -> Callable[[Passed], Awaitable[None]]:
    async def tell(passed: Passed) -> None:
        """Said once for a budget and a period, whoever says it: its id follows from them."""
        said = BudgetPassed.model_construct(
            agent=agent.name,
            scope=passed.scope,
            period=passed.period,
            resource=passed.resource,
            bound=passed.bound,
            spent=passed.spent,
            currency=currency if passed.resource == "cost" else None,
        )
        identity = f"budget/{agent.name}/{passed.scope}/{passed.period}/{passed.resource}"
        event = Event.of_agent(
            agent.name,
            agent.budget_topic,
            identity=str(uuid5(NAMESPACE_URL, identity)),
            data=said.model_dump(mode="json", exclude_none=True),
            correlationid=passed.period if passed.scope == "chain" else None,
        )
        await publisher.publish(agent.budget_topic, event)

    return tell
