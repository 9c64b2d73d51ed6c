"""`agents prompts split`, `stats`, `promote` and `rollback` against a served agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infrastructure.rollout import live
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import Served
from tests.unit.rollout.writing import ByVersion, prompts, writer

PROMPT = "writer/write"


@pytest.fixture
def script() -> ByVersion:
    return ByVersion(v1_1_0='{"text": "no"}')


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: ByVersion) -> Iterator[Served]:
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_PORT_OFFSET", "APP_API_TOKEN", "AGENTS_URL_WRITER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(live, "FLUSH", (0.01, 0.03))
    with Served([writer()], tmp_path, prompts=prompts(), model=script.model(), rollout=True) as running:
        yield running


def work(agents: Call, times: int) -> None:
    for number in range(times):
        words = ("run", "writer", "write", "--subject", "rain", "--correlation", f"chain-{number}")
        assert agents(*words).exit_code in {0, 1}


def told(agents: Call, *words: str) -> Any:
    result = agents("prompts", *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_prompt_is_split_shown_and_given_back(served: Served, agents: Call) -> None:
    assert "is not split" in agents("prompts", "split", PROMPT).stdout
    set_ = agents("prompts", "split", PROMPT, "1.0.0=90", "1.1.0=10")
    assert set_.exit_code == 0
    assert "1.0.0         90 %  baseline" in set_.stdout
    assert "1.1.0         10 %  candidate" in set_.stdout
    shown = told(agents, "split", PROMPT)
    assert shown["split"]["label"] == "r1:1.0.0=90,1.1.0=10"
    rolled = agents("prompts", "rollback", PROMPT, "--because", "it rhymes")
    assert "1.1.0          0 %  taken back" in rolled.stdout
    assert "lost its 10 % by hand" in agents("prompts", "stats", PROMPT).stdout
    assert "it rhymes" in agents("prompts", "stats", PROMPT).stdout
    promoted = agents("prompts", "promote", PROMPT, "1.1.0")
    assert "1.1.0 has all the work" in promoted.stdout
    assert "is not split" in agents("prompts", "split", PROMPT, "--end").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("split", PROMPT, "1.0.0=90", "1.3.0=10"), 2, "1.3.0 is a draft"),
        (("split", PROMPT, "1.0.0=90"), 2, "the shares make 90 %"),
        (("split", PROMPT, "1.0.0=110", "1.1.0=-10"), 2, "a share is a whole number of per cent"),
        (("split", PROMPT, "1.0.0=50", "1.0.0=50"), 2, "named twice"),
        (("split", PROMPT, "1.0.0=9.5"), 2, "is no share: write VERSION=PERCENT"),
        (("split", PROMPT, "1.0.0"), 2, "is no share: write VERSION=PERCENT"),
        (("split", PROMPT, "1.0.0=100", "--end"), 2, "--end takes no shares"),
        (("split", "writer/paint", "1.0.0=100"), 9, "asks no prompt 'paint'"),
        (("split", "painter/paint"), 9, "there is no agent 'painter'"),
        (("stats", "write"), 2, "names no prompt"),
        (("promote", PROMPT, "1.3.0"), 2, "1.3.0 is a draft"),
        (("rollback", PROMPT), 2, "is not split"),
        (("rollback", PROMPT, "--because", " "), 2, "--because is empty"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    served: Served, agents: Call, words: tuple[str, ...], code: int, message: str
) -> None:
    result = agents("prompts", *words)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert "is not split" in agents("prompts", "split", PROMPT).stdout


def test_the_figures_are_a_table_with_intervals_and_the_verdict(served: Served, agents: Call) -> None:
    agents("prompts", "split", PROMPT, "1.0.0=50", "1.1.0=50")
    work(agents, 6)
    served.run(served.platform.services["writer"].rollout.flush)  # type: ignore[union-attr]
    told_ = agents("prompts", "stats", PROMPT)
    assert told_.exit_code == 0
    lines = told_.stdout.splitlines()
    assert lines[0].startswith("writer/write  split 1 since ")
    assert "valid first answer" in lines[1]
    assert lines[2].startswith("1.0.0 ←")
    assert "100.0% (" in lines[2]
    assert lines[3].startswith("1.1.0 ")
    assert "1.1.0 against the baseline" in told_.stdout
    assert "failures  not seen to be worse (evidence " in told_.stdout
    assert "of 60)" in told_.stdout
    whole = agents("prompts", "stats", PROMPT, "--all").stdout
    assert "0.9.0 (deprecated)" in whole
    report = told(agents, "stats", PROMPT)
    assert sum(one["total"]["executions"] for one in report["versions"]) == 6
