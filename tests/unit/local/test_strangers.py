"""Files of models and guardrails that name agents: a name that nobody has would protect and bound nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import find_instance
from cli.local.strangers import require_no_strangers
from tests.unit.cli.served import write_manifest

GUARDRAILS = "default: {}\ntasks:\n  reader/read: {}\n  raeder/read: {}\n"
MODELS = "models: {}\ntasks:\n  default: small\n  planner: big\nbudgets:\n  agents:\n    plannner: {}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_manifest(tmp_path, ["planner", "reader"], [1000, 1001], 1002)
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_MODELS", "AGENTS_GUARDRAILS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_an_agent_that_does_not_exist_is_named_with_file_and_line_before_anything_starts(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "guardrails.yaml").write_text(GUARDRAILS)
    (project / "models.yaml").write_text(MODELS)
    monkeypatch.setenv("AGENTS_GUARDRAILS", "guardrails.yaml")
    monkeypatch.setenv("AGENTS_MODELS", "models.yaml")
    with pytest.raises(CommandError) as refused:
        require_no_strangers(find_instance())
    assert refused.value.code == ExitCode.INVALID
    assert refused.value.message.splitlines() == [
        "models.yaml:7:5: error: there is no agent plannner — did you mean planner?",
        "guardrails.yaml:4:3: error: there is no agent raeder — did you mean reader?",
    ]


def test_files_that_nobody_uses_and_files_that_are_broken_are_left_to_others(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "guardrails.yaml").write_text(GUARDRAILS)
    require_no_strangers(find_instance())
    (project / "broken.yaml").write_text("tasks: [\n")
    monkeypatch.setenv("AGENTS_MODELS", "broken.yaml")
    require_no_strangers(find_instance())
    monkeypatch.setenv("AGENTS_MODELS", "missing.yaml")
    require_no_strangers(find_instance())


def test_the_shipped_files_name_agents_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[3]
    monkeypatch.chdir(root)
    monkeypatch.setenv("AGENTS_GUARDRAILS", "guardrails.yaml")
    for file in sorted((root / "models").glob("*.yaml")):
        monkeypatch.setenv("AGENTS_MODELS", str(file.relative_to(root)))
        require_no_strangers(find_instance())
