"""What stands between an agent and the models of a catalogue, in one place. What is off is not there.

From the inside out, around each model's client: quick retries, circuit breaker, trace, meter with budgets, limits, hedging,
cache. Then, for each task, the model that it asks with those that answer instead; and at last the choice by task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from domain.chat import ChatRequest
from domain.ports.model import LanguageModel
from domain.ports.state import StateStore
from domain.ports.telemetry import Telemetry
from infrastructure.llm.allowance import Allowance
from infrastructure.llm.by_task import ModelByTask
from infrastructure.llm.cache.exact import CachedModel
from infrastructure.llm.cache.similar import similar_of
from infrastructure.llm.catalogue.schema import DEFAULT, Catalogue, Limits, NamedModel, TaskModel
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.llm.clients.endpoint import endpoint_of
from infrastructure.llm.clients.factory import client_of
from infrastructure.llm.clients.settings import Client
from infrastructure.llm.fallback import Candidate, FallbackModel
from infrastructure.llm.from_environment import Trace
from infrastructure.llm.hedging import HedgedModel
from infrastructure.llm.rate_limit import RateLimitedModel
from infrastructure.llm.retry import RetryingModel
from infrastructure.llm.spending.costs import Spent
from infrastructure.llm.spending.ledger import Ledger
from infrastructure.llm.spending.metering import MeteredModel


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack of a catalogue needs of its process. `agent` is the agent's name, `shared` what it shares with others."""

    agent: str
    environment: Mapping[str, str]
    client: Client
    telemetry: Telemetry
    trace: Trace
    ledger: Ledger
    store: StateStore
    shared: StateStore


class Stack:
    """The models of a catalogue as one agent asks them; each is made once, however many tasks lead to it."""

    def __init__(self, catalogue: Catalogue, around: Surroundings) -> None:
        self._catalogue = catalogue
        self._around = around
        self._made: dict[str, LanguageModel] = {}
        chains = [catalogue.chain_of(route.model) for route in catalogue.routes(around.agent).values()]
        self._replaceable = {name for chain in chains for name in chain[:-1]}
        """Those after which another one is asked."""

    def model(self) -> LanguageModel:
        routes = {
            task: self._route(route) for task, route in self._catalogue.routes(self._around.agent).items()
        }
        default = routes.pop(DEFAULT)
        return ModelByTask(routes, default) if routes else default

    def named(self, name: str) -> LanguageModel | None:
        """One model by its name in the file, without those that answer instead, and without a cache."""
        return self._named(name) if name in self._catalogue.models else None

    def _route(self, route: TaskModel) -> LanguageModel:
        candidates = [
            Candidate(name, self._cached(name, route), self._catalogue.models[name].timeout)
            for name in self._catalogue.chain_of(route.model)
        ]
        return (
            FallbackModel(candidates, self._around.telemetry) if len(candidates) > 1 else candidates[0].model
        )

    def _named(self, name: str) -> LanguageModel:
        if name not in self._made:
            self._made[name] = self._make(name, self._catalogue.models[name])
        return self._made[name]

    def _make(self, name: str, named: NamedModel) -> LanguageModel:
        around = self._around
        model = client_of(endpoint_of(named, name, self._catalogue.file, around.environment), around.client)
        if (retry := named.retry) is not None:
            model = RetryingModel(model, attempts=retry.attempts, within=retry.within)
        model = CircuitBreaker(
            model,
            failures=named.circuit.failures,
            longest_pause=named.circuit.longest_pause,
            silence_is_failure=name in self._replaceable,
        )
        model = around.trace(model, named.provider, named.wire_name)
        model = MeteredModel(model, name, named.prices, around.ledger)
        if (limits := named.limits) != Limits():
            model = RateLimitedModel(
                model,
                name,
                requests=self._allowance(f"{name}:requests", limits.requests_per_minute),
                tokens=self._allowance(f"{name}:tokens", limits.tokens_per_minute),
                parallel=limits.parallel,
            )
        if named.hedging is not None:
            model = HedgedModel(model, after=named.hedging.after, telemetry=around.telemetry)
        return model

    def _cached(self, name: str, route: TaskModel) -> LanguageModel:
        model, named, around = self._named(name), self._catalogue.models[name], self._around
        cache = route.cache or named.cache
        if cache is None:
            return model

        def served(request: ChatRequest) -> None:
            around.ledger.count(request.origin, name, Spent(answers_from_cache=1))

        identity = f"{named.provider} {named.url} {named.wire_name}"
        return CachedModel(
            model,
            around.store,
            identity=identity,
            ttl=max(int(cache.ttl), 1),
            sampled=cache.sampled,
            telemetry=around.telemetry,
            served=served,
            similar=similar_of(cache, identity, self._catalogue, around),
        )

    def _allowance(self, key: str, a_minute: int | None) -> Allowance | None:
        if a_minute is None:
            return None
        now = asyncio.get_running_loop().time
        return Allowance(self._around.shared, f"rate:{key}", a_minute / 60, now)
