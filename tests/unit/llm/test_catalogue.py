"""`models.yaml`: what is read from it, and what is said of one that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.errors import ModelsInvalid
from infrastructure.llm.catalogue import check
from infrastructure.llm.catalogue.file import load_catalogue, read_catalogue
from infrastructure.llm.catalogue.schema import Catalogue

MODELS = Path(__file__).parents[3] / "models"
REGIONS = {"AZURE_WEST": "https://west.openai.azure.com/", "AZURE_NORTH": "https://north.openai.azure.com"}
ONE = """
models:
  small: {provider: ollama, model: tiny, prices: free}
tasks: {default: small}
"""


def loaded(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> Catalogue:
    (folder / "models.yaml").write_text(text)
    return load_catalogue(folder / "models.yaml", environment or {})


def problems(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Each as `line:column: text — cure`; the file must be refused as a whole."""
    path = folder / "models.yaml"
    path.write_text(text)
    with pytest.raises(ModelsInvalid) as refused:
        load_catalogue(path, environment or {})
    assert all(
        f"{path}:{problem['line']}:" in refused.value.message for problem in refused.value.details["problems"]
    )
    return [
        f"{p['line']}:{p['column']}: {p['text']} — {p['cure']}" for p in refused.value.details["problems"]
    ]


def test_the_examples_are_fine_and_need_no_key() -> None:
    assert check.main([str(MODELS)]) == 0
    azure = load_catalogue(MODELS / "azure.yaml", REGIONS)
    assert azure.chain_of("west") == ["west", "north"]
    assert [model.key for model in azure.models.values()] == [None, None]
    assert azure.models["west"].address == "https://west.openai.azure.com"
    assert azure.models["west"].timeout == 20
    assert azure.budgets.of("implementation")["day"].model_dump(exclude_none=True) == {"cost": {"soft": 40}}
    assert azure.budgets.of("devops")["day"].model_dump(exclude_none=True) == {"cost": {"soft": 20}}
    assert azure.budgets.of("devops")["execution"].model_dump(exclude_none=True) == {
        "cost": {"hard": 0.5},
        "calls": {"hard": 20},
    }
    local = load_catalogue(MODELS / "local.yaml", {})
    assert local.models["small"].address == "http://127.0.0.1:11434"
    assert (
        load_catalogue(MODELS / "local.yaml", {"OLLAMA_HOST": "gpu"}).models["small"].url
        == "http://gpu:11434"
    )


def test_a_task_asks_its_model_its_agents_or_the_default_one(tmp_path: Path) -> None:
    text = """
models:
  a: {provider: ollama, model: x, prices: free}
  b: {provider: ollama, model: y, prices: free}
  c: {provider: ollama, model: z, prices: free}
tasks:
  default: a
  devops: b
  devops/analyze-sprint: {model: c, cache: {ttl: 2h}}
"""
    catalogue = loaded(tmp_path, text)
    routes = catalogue.routes("devops")
    assert {task: route.model for task, route in routes.items()} == {"analyze-sprint": "c", "default": "b"}
    assert routes["analyze-sprint"].cache is not None
    assert routes["analyze-sprint"].cache.ttl == 7200
    assert {task: route.model for task, route in catalogue.routes("notification").items()} == {"default": "a"}


def test_everything_that_is_wrong_is_told_at_once_with_its_place_and_cure(tmp_path: Path) -> None:
    text = """curency: EUR
models:
  a:
    provider: olama
    model: m
    prices: free
    fallbacks: [b]
  b:
    provider: ollama
    model: ${NOPE}
    fallbacks: [a, zz]
    limits: {requests_per_minute: 0}
    retry: {atempts: 2}
  c:
    provider: azure-openai
    deployment: d
    key: sk-abc
    prices: {input: 1}
    cache: {ttl: 5}
tasks:
  implementation/generate-code: bb
budgets:
  execution: {cost: 0}
  day: {tokens: {soft: 5, hard: 2}}
"""
    assert problems(tmp_path, text) == [
        "1:1: `curency` is no key that is known here — do you mean `currency`?",
        "1:1: c has prices, and `currency` is missing — add currency: EUR, or whatever they are in",
        "4:15: `models.a.provider` is 'olama' — write 'ollama', 'azure-openai' or 'openai'",
        "7:17: the fallbacks go in a circle: a → b → a — remove 'b' here, or break the circle elsewhere",
        "9:5: `models.b` has no `prices` — write prices: {input: …, output: …} for a million tokens, or prices: free",
        "10:12: the environment variable NOPE is not set — set it, or write ${NOPE:-VALUE} for the value to take then",
        "11:20: there is no model 'zz' to fall back to — name one of a, b, c",
        "12:35: `models.b.limits.requests_per_minute` is '0' — it should be greater than or equal to 1",
        "13:13: `models.b.retry.atempts` is no key that is known here — do you mean `attempts`?",
        (
            "17:10: `models.c.key` is no name of an environment variable — put the key itself into a variable such as "
            "AZURE_KEY_WEST, and write that name here: a key does not belong in a file"
        ),
        "18:13: `models.c.prices` has no `output` — add `output:`",
        "19:18: `models.c.cache.ttl` is no length of time — write a number with its unit, such as 250ms, 20s, 5m, 1h or 7d",
        "21:3: `tasks` has no `default` — add default: a, for what is not named",
        "21:33: there is no model 'bb' — do you mean 'b'?",
        "23:21: `budgets.execution.cost.hard` of 0 would refuse every call — write an amount, or remove the line to set no budget",
        "24:24: `budgets.day.tokens`: the soft bound is above the hard one — write less than 2",
    ]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("{provider: ollama, model: tiny}", "3:10: `models.small` has no `prices` — write prices:"),
        ("{provider: ollama, prices: free}", "3:10: `models.small` does not say which model is asked — add `model: NAME`"),
        ("{provider: azure-openai, deployment: d, prices: free}", "`models.small` has no address — add `address: https://NAME"),
        ('{provider: openai, address: "http://me:secret@host", model: m, prices: free}', "`models.small.address` holds a user or a password, which logs would show — write"),
        ("{provider: openai, model: m, prices: free}", "`models.small` has no key — add `key: OPENAI_API_KEY`"),
        ("{provider: openai, model: m, key: GONE, prices: free}", "3:44: the environment variable GONE, which holds the key of small, is not set — set it"),
        ("{provider: ollama, address: 'ftp://x', model: m, prices: free}", "`models.small.address` is 'ftp://x' — must be host"),
        ("{provider: ollama, model: m, deployment: d, prices: free}", "has both `model` and `deployment` — ollama knows `model` alone"),
        ("{provider: ollama, model: '${x y}', prices: free}", "`models.small.model` has a ${ that begins no ${NAME} — write ${NAME}"),
        ("{provider: ollama, model: m, prices: {input: -1, output: 0}}", "`models.small.prices.input` is '-1' — it should be greater"),
        ("{provider: ollama, model: m, prices: cheap}", "`models.small.prices` is not an object — write keys"),
        ("{provider: ollama, model: m, prices: free, fallbacks: [small]}", "the fallbacks go in a circle: small → small"),
        ("tiny", "3:10: `models.small` is not an object"),
    ],
)  # fmt: skip
def test_a_model_that_is_wrong_is_refused(tmp_path: Path, changed: str, says: str) -> None:
    text = ONE.replace("{provider: ollama, model: tiny, prices: free}", changed)
    assert any(says in problem for problem in problems(tmp_path, text))


@pytest.mark.parametrize(
    ("budgets", "says"),
    [
        ("{execution: {tokens: 0}}", "`budgets.execution.tokens.hard` of 0 would refuse every call"),
        ("{day: {calls: {soft: 0}}}", "`budgets.day.calls.soft` of 0 would refuse every call"),
        ("{chain: {cost: -1}}", "it should be greater than or equal to 0"),
        ("{agents: {devops: {dya: {calls: 1}}}}", "`budgets.agents.devops.dya` is no key that is known here — do you mean `day`?"),
    ],
)  # fmt: skip
def test_a_budget_that_is_wrong_is_refused(tmp_path: Path, budgets: str, says: str) -> None:
    assert any(says in problem for problem in problems(tmp_path, f"{ONE}budgets: {budgets}\n"))


def test_a_budget_of_money_where_nothing_costs_anything_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(f"{ONE}budgets: {{day: {{cost: 5}}}}\n")
    catalogue, found = read_catalogue(path, {})
    assert catalogue is not None
    assert [(one.severity, one.line) for one in found] == [("warning", 5)]
    assert check.main([str(path)]) == 1


@pytest.mark.parametrize("text", ["", "- a\n", "models: [\n", "models: {a: *b}\n", "file: x\n" + ONE])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsInvalid, match=r"none\.yaml:1:1: .*No such file.* AGENTS_MODELS"):
        load_catalogue(tmp_path / "none.yaml", {})


def test_numbers_may_come_from_variables_too(tmp_path: Path) -> None:
    text = ONE.replace(
        "prices: free", "prices: free, limits: {parallel: '${N:-4}', tokens_per_minute: 1_000}"
    )
    limits = loaded(tmp_path, text).models["small"].limits
    assert (limits.parallel, limits.tokens_per_minute) == (4, 1000)
    assert loaded(tmp_path, text, {"N": "8"}).models["small"].limits.parallel == 8
    wrong = problems(tmp_path, text.replace("N:-4", "N:-x"))
    assert [problem.partition(" — ")[0] for problem in wrong] == [
        "3:75: `models.small.limits.parallel` is '${N:-x}'"
    ]
