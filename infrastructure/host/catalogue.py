"""The models of an agent from the file that AGENTS_MODELS names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from agents.runtime.agent import Agent
from domain.errors import ModelMisconfigured, ModelsInvalid
from domain.event import Event
from domain.events.budgets import BudgetPassed
from domain.ports.model import LanguageModel
from domain.ports.pubsub import Publisher
from infrastructure.host.models import Models, Reach
from infrastructure.host.settings import Settings
from infrastructure.llm.catalogue.file import load_catalogue
from infrastructure.llm.catalogue.schema import DEFAULT, Catalogue
from infrastructure.llm.spending.accounts import Passed
from infrastructure.llm.spending.costs import CostBook
from infrastructure.llm.spending.ledger import Ledger
from infrastructure.llm.stack import Stack, Surroundings


def catalogue_of(agent: Agent, file: Path) -> Catalogue:
    """The file, checked.

    Raises:
        ModelsInvalid: it is wrong, or speaks of a task that the agent does not have.

    """
    catalogue = load_catalogue(file)
    for task in catalogue.routes(agent.name):
        if task not in agent.tasks and task != DEFAULT:
            raise ModelsInvalid(
                f"{file}:{catalogue.lines.get(f'{agent.name}/{task}', 1)}: there is no task {agent.name}/{task} — "
                f"write one of {', '.join(agent.tasks)}, or {agent.name} alone for all of them"
            )
    return catalogue


def models_from(catalogue: Catalogue, agent: Agent, settings: Settings, reach: Reach) -> Models:
    """Raises ValueError: the chosen client's package is not installed."""
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
    stack = Stack(
        catalogue,
        Surroundings(
            agent.name,
            os.environ,
            settings.agents_model_client,
            reach.telemetry,
            reach.trace,
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
                f"{catalogue.file} names no model {name!r}: it has {', '.join(catalogue.models)}", model=name
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
