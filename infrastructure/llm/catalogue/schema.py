"""The models by their names, which task asks which, and what may be spent: what a `models.yaml` says, as data.

Every key is explained in docs/models.md. `file.py` reads it; `stack.py` makes models of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from infrastructure.llm.catalogue.caching import Caching
from infrastructure.llm.catalogue.durations import Seconds
from infrastructure.llm.clients.settings import (
    DEFAULT_AZURE_API_VERSION,
    OPENAI_API,
    azure_resource,
    http_address,
    ollama_address,
)

Provider: TypeAlias = Literal["ollama", "azure-openai", "openai"]
Resource: TypeAlias = Literal["tokens", "cost", "calls"]
Scope: TypeAlias = Literal["execution", "chain", "day"]
RESOURCES: tuple[Resource, ...] = ("tokens", "cost", "calls")
SCOPES: tuple[Scope, ...] = ("execution", "chain", "day")
DEFAULT = "default"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Money, or money for a million tokens."""


class Prices(_Section):
    """For a million tokens. `cached_input`: of the input that the provider found in its own cache; else as `input`."""

    input: Amount
    output: Amount
    cached_input: Amount | None = None

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = input_tokens - cached_tokens
        return (fresh * self.input + cached_tokens * cached_price + output_tokens * self.output) / 1_000_000


def _prices(value: Any) -> Any:
    return {"input": 0, "output": 0} if value == "free" else value


class Limits(_Section):
    """`parallel` is for each replica, the other two for all of them together."""

    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    parallel: int | None = Field(None, ge=1)


class Retry(_Section):
    attempts: int = Field(2, ge=1, le=5)
    within: Seconds = 1.0


class Circuit(_Section):
    failures: int = Field(3, ge=1, le=1000)
    longest_pause: Seconds = 2.0


class Hedging(_Section):
    after: Seconds


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
        raise ValueError(
            "is no name of an environment variable — put the key itself into a variable such as AZURE_KEY_WEST, and "
            "write that name here: a key does not belong in a file"
        )
    return name


_ADDRESSES = {"ollama": ollama_address, "azure-openai": azure_resource, "openai": http_address}


class NamedModel(_Section):
    """One model of one server. `key` is the name of the variable that holds it, never the key itself."""

    provider: Provider
    address: str | None = None
    model: str | None = Field(None, min_length=1)
    deployment: str | None = Field(None, min_length=1)
    key: Annotated[str, AfterValidator(_variable)] | None = None
    api_version: str = DEFAULT_AZURE_API_VERSION
    timeout: Seconds | None = None
    prices: Annotated[Prices, BeforeValidator(_prices)]
    limits: Limits = Limits()
    fallbacks: tuple[str, ...] = ()
    retry: Retry | None = None
    circuit: Circuit = Circuit()
    hedging: Hedging | None = None
    cache: Caching | None = None
    prompt_cache: bool = False

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str, info: ValidationInfo) -> str:
        return _ADDRESSES[info.data.get("provider", "openai")](address)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        azure = self.provider == "azure-openai"
        if (self.deployment if azure else self.model) is None:
            wanted = (
                "`deployment: NAME`, a deployment of the resource"
                if azure
                else "`model: NAME`, a model that the server has"
            )
            raise ValueError(f"does not say which model is asked — add {wanted}")
        if (self.model if azure else self.deployment) is not None:
            wanted = "`deployment`" if azure else "`model`"
            raise ValueError(f"has both `model` and `deployment` — {self.provider} knows {wanted} alone")
        if azure and self.address is None:
            raise ValueError("has no address — add `address: https://NAME.openai.azure.com`")
        if self.provider == "openai" and self.address is None and self.key is None:
            raise ValueError("has no key — add `key: OPENAI_API_KEY`, the name of the variable that holds it")
        return self

    @property
    def wire_name(self) -> str:
        """What the server calls it."""
        return self.model or self.deployment or ""

    @property
    def url(self) -> str:
        """Its server's address."""
        return self.address or (OPENAI_API if self.provider == "openai" else ollama_address(""))


def _route(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


class TaskModel(_Section):
    """Which model a task asks. Its own `cache` goes before the model's."""

    model: str
    cache: Caching | None = None


def _positive(value: float | None) -> float | None:
    if value is not None and value <= 0:
        raise ValueError(
            "of 0 would refuse every call — write an amount, or remove the line to set no budget"
        )
    return value


Bound = Annotated[Amount | None, AfterValidator(_positive)]


class Budget(_Section):
    """Passed, the soft bound is an event, the hard one an error."""

    soft: Bound = None
    hard: Bound = None


def _budget(value: Any) -> Any:
    """A bare number, which a file's values are as text, is the hard bound."""
    return {"hard": value} if isinstance(value, str) else value


WrittenBudget = Annotated[Budget | None, BeforeValidator(_budget)]


class Spending(_Section):
    """What one execution, chain or day may use up of each resource."""

    tokens: WrittenBudget = None
    cost: WrittenBudget = None
    calls: WrittenBudget = None

    def bounded(self) -> Iterator[tuple[Resource, Budget]]:
        """The resources that are bounded."""
        for resource in RESOURCES:
            if (budget := getattr(self, resource)) is not None:
                yield resource, budget


class AgentBudgets(_Section):
    execution: Spending | None = None
    chain: Spending | None = None
    day: Spending | None = None


class Budgets(AgentBudgets):
    """`agents` holds what is other for single agents. A chain is nobody's: it has one budget for all."""

    agents: Mapping[str, AgentBudgets] = Field(default_factory=dict)

    def of(self, agent: str) -> dict[Scope, Spending]:
        own = self.agents.get(agent, AgentBudgets())
        found = {scope: getattr(own, scope) or getattr(self, scope) for scope in SCOPES}
        return {scope: spending for scope, spending in found.items() if spending is not None}


class Catalogue(_Section):
    """`file` is where it was read, `lines` where each of its tasks stands. `tasks` holds a model for `agent/task`, for `agent`, and for `default`."""

    file: str
    lines: Mapping[str, int] = Field(default_factory=dict)
    currency: str | None = None
    models: Mapping[str, NamedModel]
    tasks: Mapping[str, Annotated[TaskModel, BeforeValidator(_route)]]
    budgets: Budgets = Budgets()

    def routes(self, agent: str) -> dict[str, TaskModel]:
        """What the tasks of an agent ask, by their names; under `default` what the rest of them do."""
        prefix = f"{agent}/"
        named = {
            key.removeprefix(prefix): route for key, route in self.tasks.items() if key.startswith(prefix)
        }
        return named | {DEFAULT: self.tasks.get(agent, self.tasks[DEFAULT])}

    def chain_of(self, name: str) -> list[str]:
        """The model and its fallbacks, in the order in which they are asked."""
        found = [name]
        for fallback in self.models[name].fallbacks:
            found += [one for one in self.chain_of(fallback) if one not in found]
        return found
