"""What stands between an agent and its models, in one place. What is off is not there.

From the inside out, around each model's client: quick retries, circuit breaker, trace, meter. Then, for each task, the
model that it asks with those that answer instead; and at last the choice by task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry
from infrastructure.llm.by_task import ModelByTask
from infrastructure.llm.catalogue import DEFAULT, Catalogue, NamedModel, TaskModel
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.llm.endpoint import endpoint_of
from infrastructure.llm.factory import client_of, model_from
from infrastructure.llm.fallback import Candidate, FallbackModel
from infrastructure.llm.ledger import Ledger
from infrastructure.llm.metering import MeteredModel
from infrastructure.llm.retry import RetryingModel
from infrastructure.llm.settings import Client, ModelSettings

Trace: TypeAlias = Callable[[LanguageModel, str, str], LanguageModel]
"""Wrap a model so that its calls are traced, given its provider and its name on the wire."""


def stack_from_environment(settings: ModelSettings, trace: Trace) -> LanguageModel:
    """The one model that LLM_PROVIDER and its like name."""
    model = model_from(settings)
    model = CircuitBreaker(model)
    return trace(model, settings.llm_provider, settings.model_name)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack of a catalogue needs of its process. `agent` is the agent's name."""

    agent: str
    environment: Mapping[str, str]
    client: Client
    telemetry: Telemetry
    trace: Trace
    ledger: Ledger


class Stack:
    """The models of a catalogue as one agent asks them; each is made once, however many tasks lead to it."""

    def __init__(self, catalogue: Catalogue, around: Surroundings) -> None:
        self._catalogue = catalogue
        self._around = around
        self._made: dict[str, LanguageModel] = {}

    def model(self) -> LanguageModel:
        routes = {
            task: self._route(route) for task, route in self._catalogue.routes(self._around.agent).items()
        }
        default = routes.pop(DEFAULT)
        return ModelByTask(routes, default) if routes else default

    def _route(self, route: TaskModel) -> LanguageModel:
        candidates = [
            Candidate(name, self._named(name), self._catalogue.models[name].timeout)
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
            model, failures=named.circuit.failures, longest_pause=named.circuit.longest_pause
        )
        model = around.trace(model, named.provider, named.wire_name)
        return MeteredModel(model, name, named.prices, around.ledger)
