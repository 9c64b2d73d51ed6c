"""`agents prompts eval` as a person types it, against a server of chat completions; and its files and exit codes."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from cli.errors import CommandError
from cli.group import agents as group
from domain import json
from tests.stand_ins.openai_server import KEY, OpenAIServer, answer, status
from tests.support.commands import enter_project, interrupted, serving_beside, started
from tests.unit.evaluation.making import CASES, NAME, written

ROOT = Path(__file__).parents[3]
Call: TypeAlias = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """The stand-in, on a loop of its own: the command runs one itself."""
    with serving_beside() as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one prompt, the current folder; the model is the server's."""
    written(tmp_path, "1.0.0", "1.1.0")
    enter_project(tmp_path, server, monkeypatch)
    return tmp_path


def plays(server: OpenAIServer, said: dict[str, Any]) -> None:
    """Answer by what the user's message contains, whatever the order; what is None is a server that is down."""

    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        text = body["messages"][-1]["content"]
        found = next(value for key, value in said.items() if key in text)
        if found is None:
            return await status(503)(request, body)
        return await answer(json.dump(found).decode())(request, body)

    server.next = [play] * 50


RIGHT = {
    "Printer": {"category": "hardware", "reasons": ["smoke"]},
    "Browser": {"category": "software", "reasons": []},
}
WRONG = {"": {"category": "other", "reasons": []}}


@pytest.fixture
def agents() -> Call:
    def call(*words: str) -> Result:
        result = CliRunner().invoke(group, ["prompts", "eval", *words], prog_name="agents")
        if isinstance(result.exception, CommandError):
            error = result.exception
            result.exit_code = int(error.code)
            result.stderr_bytes = f"{result.stderr}error: {error.message}\n  {error.hint}\n".encode()
        elif result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_a_prompt_is_measured_with_the_model_of_the_environment(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    plays(server, RIGHT)
    result = agents()
    assert result.exit_code == 0
    assert result.stdout.startswith("✓ desk/sort 1.1.0  1.00  2 of 2 cases pass, 38 tokens")
    assert result.stderr.startswith("2 calls, about 218 input tokens, at most 200 output tokens")
    assert [request.body["seed"] for request in server.requests] == [1, 1]
    assert server.last.body["response_format"]["json_schema"]["name"] == "sort"


def test_an_answer_is_asked_for_once_until_no_cache_says_otherwise(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    plays(server, RIGHT)
    agents(NAME)
    assert agents(NAME).stderr == ""
    assert len(server.requests) == 2
    agents(NAME, "--no-cache", "--cases", "web")
    assert len(server.requests) == 3


@pytest.mark.parametrize("by", ["option", "variable"])
def test_prompts_of_a_commit_are_measured_and_no_record_is_written_there(
    project: Path, server: OpenAIServer, agents: Call, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "prompts"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    source = f"git+file://{project}@{commit.strip()}#prompts"
    place = ["--prompts", source] if by == "option" else []
    if by == "variable":
        monkeypatch.setenv("AGENTS_PROMPTS", source)
    plays(server, RIGHT)
    assert agents(NAME, *place).exit_code == 0
    refused = agents(NAME, *place, "--record")
    assert refused.exit_code == 6
    assert "which never change" in refused.stderr


def test_below_the_threshold_the_exit_code_is_1(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, WRONG)
    result = agents(NAME)
    assert result.exit_code == 1
    assert "✗ printer 0.00  category equals hardware: it is other" in result.stdout
    assert agents(NAME, "--threshold", "0").exit_code == 0


def test_two_versions_are_compared(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, RIGHT)
    result = agents(NAME, "--version", "1.1.0", "--against", "1.0.0", "--json")
    told = json.parse(result.stdout)[0]
    assert (told["version"], told["against"]["version"]) == ("1.1.0", "1.0.0")
    assert told["against"]["comparison"] == {
        "verdict": "cannot tell",
        "difference": 0.0,
        "low": -1.0,
        "high": 1.0,
        "cases": 2,
        "method": told["against"]["comparison"]["method"],
    }


def test_a_version_that_is_worse_ends_with_1_even_above_the_threshold(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    place = project / "prompts" / NAME
    more = "".join(
        f"  - {{id: more-{number}, input: {{title: Printer {number}}}, checks: [{{at: category, equals: hardware}}]}}\n"
        for number in range(6)
    )
    (place / "cases.yaml").write_text(CASES + more)
    newer = place / "1.1.0.yaml"
    newer.write_text(newer.read_text().replace("Sort tickets.", "Sort as you like."))

    async def play(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        system, user = (message["content"] for message in body["messages"])
        right = RIGHT["Printer" if "Printer" in user else "Browser"]
        said = right if "tickets" in system else {"category": "other", "reasons": ["smoke"]}
        return await answer(json.dump(said).decode())(request, body)

    server.next = [play] * 50
    result = agents(NAME, "--against", "1.0.0", "--threshold", "0")
    assert result.exit_code == 1
    assert "against 1.0.0: worse: -0.94 [-1.00, -0.75] over 8 cases" in result.stdout
    assert "Hartigan" in result.stdout
    better = agents(NAME, "--version", "1.0.0", "--against", "1.1.0")
    assert (better.exit_code, "against 1.1.0: better: +0.94" in better.stdout) == (0, True)


def test_a_record_is_kept_when_everything_was_measured(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    plays(server, RIGHT)
    result = agents(NAME, "--version", "1.0.0", "--record")
    assert result.exit_code == 0
    file = project / "prompts" / NAME / "evaluations" / "1.0.0.json"
    assert f"recorded: {file.relative_to(project)}" in result.stderr
    assert json.parse(file.read_bytes())["scores"] == {"printer": 1.0, "browser": 1.0}


def test_no_record_is_kept_when_the_model_could_not_be_asked(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    plays(server, {**RIGHT, "Browser": None})
    result = agents(NAME, "--record")
    assert result.exit_code == 1
    assert "no record of desk/sort 1.1.0: the model could not be asked for 1 of its cases" in result.stderr
    assert "! browser" in result.stdout
    assert not (project / "prompts" / NAME / "evaluations").exists()
    assert agents(NAME, "--record", "--cases", "web").exit_code == 2


def test_junit_and_html_are_written(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, RIGHT)
    assert agents(NAME, "--junit", "r.xml", "--html", "r.html").exit_code == 0
    assert ET.parse("r.xml").getroot()[0].get("tests") == "2"  # noqa: S314 - our own
    assert "<b>printer</b>" in Path("r.html").read_text()
    result = agents(NAME, "--junit", "nowhere/r.xml")
    assert (result.exit_code, "nowhere/r.xml cannot be written: No such file" in result.stderr) == (1, True)


def test_a_broken_case_file_is_told_before_anything_is_asked(
    project: Path, server: OpenAIServer, agents: Call
) -> None:
    file = project / "prompts" / NAME / "cases.yaml"
    file.write_text(CASES.replace("equals", "equal").replace("margin", "margn"))
    result = agents()
    assert result.exit_code == 6
    assert [line.split(": error: ")[0].rpartition("cases.yaml:")[2] for line in result.stderr.splitlines() if ": error: " in line] == ["1:1", "9:24", "17:24"]  # fmt: skip
    assert server.requests == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["desk/srt"], 9, "did you mean desk/sort?"),
        ([NAME, "--version", "3.0.0"], 9, "there are 1.0.0, 1.1.0"),
        ([NAME, "--against", "3.0.0"], 9, "there are 1.0.0, 1.1.0"),
        ([NAME, "--cases", "nobody"], 9, "no case has the id or tag nobody"),
        ([NAME, "--repeat", "0"], 2, "0 is not in the range"),
    ],
)
def test_what_is_not_there_is_named(
    project: Path, agents: Call, words: list[str], code: int, said: str
) -> None:
    result = agents(*words)
    assert result.exit_code == code
    assert said in result.stderr


def test_costs_above_the_limit_need_agreement(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, RIGHT)
    prompt = project / "prompts" / NAME / "1.1.0.yaml"
    prompt.write_text(prompt.read_text().replace("max_tokens: 100", "max_tokens: 32000"))
    result = agents(NAME, "--repeat", "4", "--price", "1", "10")
    assert result.exit_code == 2
    assert "at most 256,000 output tokens, 2.56 at most" in result.stderr
    assert "that is more than 250,000 tokens, and nobody is here to agree" in result.stderr
    assert server.requests == []
    assert agents(NAME, "--repeat", "4", "--yes").exit_code == 0
    assert len(server.requests) == 8


def test_a_budget_stops_before_it_is_passed(project: Path, server: OpenAIServer, agents: Call) -> None:
    plays(server, RIGHT)
    result = agents(NAME, "--budget", "100")
    assert result.exit_code == 1
    assert server.requests == []
    assert "the budget of 100 tokens is spent" in result.stdout


def test_settings_of_the_model_that_are_wrong_are_named(
    project: Path, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_MODEL")
    result = agents(NAME)
    assert result.exit_code == 6
    assert "LLM_PROVIDER=openai needs OPENAI_MODEL" in result.stderr


FILE = """\
models:
  small: {{provider: openai, address: {url}, model: gpt-test, key: THEIR_KEY, prices: free}}
  large: {{provider: openai, address: {url}, model: gpt-large, key: THEIR_KEY, prices: free}}
tasks: {{default: small}}
"""


@pytest.mark.parametrize(
    ("words", "asked"),
    [([], "gpt-test"), (["--model", "large"], "gpt-large"), (["--model", "small"], "gpt-test")],
)
def test_the_models_of_the_file_of_models_are_asked_by_their_names(
    project: Path, server: OpenAIServer, agents: Call, words: list[str], asked: str
) -> None:
    (project / "models.yaml").write_text(FILE.format(url=server.url))
    (project / ".env").write_text(f"AGENTS_MODELS=models.yaml\nTHEIR_KEY={KEY}\n")
    plays(server, RIGHT)
    told = json.parse(agents(NAME, *words, "--json").stdout)[0]
    assert told["model"]["name"] == asked
    assert [request.body["model"] for request in server.requests] == [asked] * 2


def test_a_name_that_the_file_of_models_does_not_have_is_refused_with_those_it_has(
    project: Path, server: OpenAIServer, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "models.yaml").write_text(FILE.format(url=server.url))
    monkeypatch.setenv("AGENTS_MODELS", "models.yaml")
    monkeypatch.setenv("THEIR_KEY", KEY)
    for words in (["--model", "lrge"], ["--judge", "lrge"]):
        refused = agents(NAME, *words)
        assert refused.exit_code == 9
        assert "models.yaml names no model 'lrge'" in refused.stderr
        assert "did you mean large?" in refused.stderr
    (project / "models.yaml").write_text("models: {}\n")
    broken = agents(NAME)
    assert (broken.exit_code, "models.yaml cannot be used" in broken.stderr) == (6, True)
    assert server.requests == []


def test_without_ollama_it_says_how_to_start_one(
    project: Path, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "ollama")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    result = agents(NAME)
    assert result.exit_code == 4
    assert "Ollama does not answer at http://127.0.0.1:9" in result.stderr
    assert "urlopen" not in result.stderr
    assert "start it (`agents up`, or `ollama serve`)" in result.stderr


def test_ctrl_c_leaves_whole_answers_and_no_record(project: Path, server: OpenAIServer) -> None:
    asked = threading.Event()

    async def hang(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if "Printer" in body["messages"][-1]["content"]:
            return await answer(json.dump(RIGHT["Printer"]).decode())(request, body)
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    server.next = [hang] * 10
    process = started("prompts", "eval", NAME, "--record")
    assert asked.wait(60)
    deadline = time.monotonic() + 90
    while not list((project / "cache").rglob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    code, stderr = interrupted(process)
    assert code == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr
    assert len(list((project / "cache").rglob("*.json"))) == 1
    assert not (project / "prompts" / NAME / "evaluations").exists()
