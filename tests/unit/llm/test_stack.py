"""What stands between an agent and its models: nothing that is off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cli.local.ports import free_ports
from domain.errors import ModelUnavailable
from domain.ports.model import LanguageModel
from infrastructure.llm.by_task import ModelByTask
from infrastructure.llm.catalogue.file import load_catalogue
from infrastructure.llm.catalogue.schema import NamedModel
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.llm.clients.endpoint import endpoint_of
from infrastructure.llm.clients.request import body_for
from infrastructure.llm.clients.settings import ModelSettings
from infrastructure.llm.fallback import FallbackModel
from infrastructure.llm.from_environment import stack_from_environment
from infrastructure.llm.spending.costs import CostBook
from infrastructure.llm.spending.ledger import Ledger
from infrastructure.llm.stack import Stack, Surroundings
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.state import MemoryStateStore
from infrastructure.memory.telemetry import MemoryTelemetry
from infrastructure.telemetry.model import TracedModel
from tests.unit.llm.asking import REQUEST, asked_by

TELEMETRY = MemoryTelemetry()


def traced(model: LanguageModel, provider: str, name: str) -> LanguageModel:
    return TracedModel(model, TELEMETRY, provider=provider, name=name)


def names(model: object) -> list[str]:
    """The classes from the outside in, by the attribute in which each keeps the next."""
    found = [type(model).__name__]
    while (model := getattr(model, "_model", None)) is not None:
        found.append(type(model).__name__)
    return found


async def nobody(_: object) -> None: ...


def stack(folder: Path, text: str, agent: str = "devops") -> LanguageModel:
    (folder / "models.yaml").write_text(text)
    catalogue = load_catalogue(folder / "models.yaml", {"KEY": "k"})
    store = MemoryStateStore()
    costs = CostBook(store, agent, None)
    ledger = Ledger(agent, store, {}, costs, tell=nobody, telemetry=TELEMETRY, ttl=60)
    return Stack(
        catalogue, Surroundings(agent, {"KEY": "k"}, "lean", TELEMETRY, traced, ledger, store, store)
    ).model()


def test_by_the_environment_there_are_the_trace_and_the_circuit_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LLM_PROVIDER", raising=False)
    assert names(stack_from_environment(ModelSettings(), traced)) == [
        "TracedModel",
        "CircuitBreaker",
        "LeanModel",
    ]


def test_of_a_catalogue_that_asks_for_nothing_there_is_the_meter_too(tmp_path: Path) -> None:
    text = "models: {a: {provider: ollama, model: x, prices: free}}\ntasks: {default: a}\n"
    assert names(stack(tmp_path, text)) == ["MeteredModel", "TracedModel", "CircuitBreaker", "LeanModel"]


def test_one_model_is_made_once_however_many_tasks_lead_to_it(tmp_path: Path) -> None:
    text = """
currency: EUR
models:
  a: {provider: azure-openai, address: https://a.example, deployment: d, key: KEY, prices: {input: 1, output: 2}, fallbacks: [b]}
  b: {provider: ollama, model: x, prices: free}
tasks: {default: a, devops/analyze-sprint: b, notification: b}
"""
    model = stack(tmp_path, text)
    assert isinstance(model, ModelByTask)
    default, sprint = model._default, model._routes["analyze-sprint"]
    assert isinstance(default, FallbackModel)
    assert [candidate.name for candidate in default._candidates] == ["a", "b"]
    assert default._candidates[1].model is sprint
    assert names(stack(tmp_path, text, agent="notification"))[0] != "ModelByTask"


def circuit_of(model: object) -> CircuitBreaker:
    while not isinstance(model, CircuitBreaker):
        model = model._model  # type: ignore[attr-defined]
    return model


def test_the_silence_of_a_model_is_a_failure_where_another_one_answers_instead(tmp_path: Path) -> None:
    text = """
models:
  a: {provider: ollama, model: x, prices: free, fallbacks: [b, c]}
  b: {provider: ollama, model: y, prices: free}
  c: {provider: ollama, model: z, prices: free}
tasks: {default: a}
"""
    model = stack(tmp_path, text)
    assert isinstance(model, FallbackModel)
    counted = {one.name: circuit_of(one.model)._silence_is_failure for one in model._candidates}
    assert counted == {"a": True, "b": True, "c": False}


async def test_a_task_is_answered_by_its_model_and_what_has_no_origin_by_the_default_one() -> None:
    small, big = ScriptedModel(["small"] * 3), ScriptedModel(["big"])
    model = ModelByTask({"shout": big}, small)
    assert [(await model.complete(one)).text for one in (asked_by("shout"), asked_by("other"), REQUEST)] == [
        "big",
        "small",
        "small",
    ]
    big.down = ModelUnavailable("gone")
    with pytest.raises(ModelUnavailable, match="gone"):
        await model.check()


async def test_an_error_names_the_file_and_the_key_to_mend(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    text = f"models: {{a: {{provider: ollama, address: '127.0.0.1:{port}', model: x, prices: free}}}}\ntasks: {{default: a}}\n"
    model = stack(tmp_path, text)
    with pytest.raises(ModelUnavailable, match=r"mend `address` of the model a in .*models\.yaml"):
        await model.check()
    await model.close()


def test_everything_that_is_on_stands_in_its_place(tmp_path: Path) -> None:
    text = """
models:
  a:
    provider: ollama
    model: x
    prices: free
    retry: {attempts: 2}
    limits: {requests_per_minute: 60, tokens_per_minute: 1_000, parallel: 2}
    hedging: {after: 5s}
tasks:
  default: {model: a, cache: {ttl: 1h}}
"""

    async def built() -> LanguageModel:
        return stack(tmp_path, text)

    assert names(asyncio.run(built())) == [
        "CachedModel",
        "HedgedModel",
        "RateLimitedModel",
        "MeteredModel",
        "TracedModel",
        "CircuitBreaker",
        "RetryingModel",
        "LeanModel",
    ]


def test_a_prompts_calls_go_where_its_beginning_is_cached_only_where_that_is_asked_for(
    tmp_path: Path,
) -> None:
    named = NamedModel(provider="openai", model="m", key="KEY", prices="free", prompt_cache=True)
    endpoint = endpoint_of(named, "a", "models.yaml", {"KEY": "k"})
    assert body_for(asked_by(), endpoint, stream=False)["prompt_cache_key"] == "sample/prompt/1.0.0"
    assert "prompt_cache_key" not in body_for(REQUEST, endpoint, stream=False)
    off = endpoint_of(named.model_copy(update={"prompt_cache": False}), "a", "models.yaml", {"KEY": "k"})
    assert "prompt_cache_key" not in body_for(asked_by(), off, stream=False)
