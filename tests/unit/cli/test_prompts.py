"""`agents prompts`: on a folder of files, with nothing running."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest

from infrastructure.evaluation import record
from infrastructure.evaluation.answers import Asker, ModelName
from infrastructure.evaluation.run import evaluate
from infrastructure.evaluation.subjects import load
from infrastructure.memory.model import ScriptedModel
from infrastructure.prompts.check import check_folder
from tests.unit.cli.conftest import Call
from tests.unit.cli.served import write_manifest
from tests.unit.prompts.folders import HELLO, hashed, prompts

CASES = """\
margin: 0.1
threshold: 0.5
cases:
  - id: ada
    input:
      who: Ada
    checks:
      - {contains: Hello}
"""
NEXT = HELLO.replace("Hello", "Good morning").replace("max_tokens: 400", "max_tokens: 500")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """desk/ask: 0.9.0 deprecated, 1.0.0 released, 1.1.0 a draft; the current folder is the project."""
    write_manifest(tmp_path, ["planner"], [1000], 1001)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENTS_PROMPTS", raising=False)
    prompts(tmp_path / "prompts", "1.0.0", deprecated=("0.9.0",))
    (tmp_path / "prompts/desk/ask/1.1.0.yaml").write_text(NEXT)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_list_shows_versions_states_and_what_is_served(agents: Call) -> None:
    assert agents("prompts", "list").stdout == (
        "desk/ask\n    1.1.0        draft\n  → 1.0.0        released\n    0.9.0        deprecated too old\n"
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("words", [[], ["desk"], ["desk/ask"]])
def test_list_as_json(agents: Call, words: list[str]) -> None:
    (found,) = json.loads(agents("prompts", "list", *words, "--json").stdout)
    assert (found["agent"], found["prompt"], found["served"]) == ("desk", "ask", "1.0.0")
    assert found["versions"][0] == {
        "version": "0.9.0",
        "state": "deprecated",
        "served": False,
        "because": "too old",
    }
    assert [one["state"] for one in found["versions"]] == ["deprecated", "released", "draft"]


def test_list_tells_of_an_edited_release_and_fails(project: Path, agents: Call) -> None:
    (project / "prompts/desk/ask/1.0.0.yaml").write_text(NEXT)
    result = agents("prompts", "list")
    assert result.exit_code == 6
    assert "prompts/desk/ask/1.0.0.yaml:1:1: error: this release was edited" in result.stderr
    assert agents("prompts", "list", "builder").exit_code == 9


@pytest.mark.usefixtures("project")
def test_show_is_readable(agents: Call) -> None:
    shown = agents("prompts", "show", "desk/ask").stdout
    for line in (
        "desk/ask 1.0.0 released, served",
        "  what      Asks.",
        "  file      prompts/desk/ask/1.0.0.yaml",
        f"  hash      sha256:{hashed(HELLO)}",
        "  settings  max_tokens 400, timeout 120",
        "  who (required)",
        "template (semantic-kernel)",
        "Hello {{$who}}",
        "  free text",
    ):
        assert line in shown.splitlines()


@pytest.mark.usefixtures("project")
def test_show_as_json_has_all_of_a_version(agents: Call) -> None:
    shown = json.loads(agents("prompts", "show", "desk/ask", "0.9.0", "--json").stdout)
    assert (shown["version"], shown["state"], shown["served"]) == ("0.9.0", "deprecated", False)
    assert shown["variables"] == [{"name": "who", "required": True, "default": None, "description": ""}]
    assert shown["template"] == "Hello {{$who}}\n"


@pytest.mark.usefixtures("project")
def test_diff_compares_what_is_served_with_the_newest_draft(agents: Call) -> None:
    assert agents("prompts", "diff", "desk/ask").stdout == (
        "desk/ask 1.0.0 → 1.1.0\n"
        "  minor  max_tokens is 500, it was 400\n"
        "  patch  the template's wording changed\n"
        "  needs a minor step: 1.1.0 or more\n"
        "\n"
        "--- 1.0.0\n+++ 1.1.0\n@@ -1 +1 @@\n-Hello {{$who}}\n+Good morning {{$who}}\n"
    )


@pytest.mark.usefixtures("project")
def test_diff_as_json(agents: Call) -> None:
    found = json.loads(agents("prompts", "diff", "desk/ask", "1.1.0", "0.9.0", "--json").stdout)
    assert (found["from"], found["to"], found["step"]) == ("1.1.0", "0.9.0", "minor")
    assert found["changes"][0] == {
        "kind": "settings",
        "step": "minor",
        "text": "max_tokens is 400, it was 500",
    }
    same = agents("prompts", "diff", "desk/ask", "1.0.0", "0.9.0").stdout
    assert same == "desk/ask 1.0.0 → 0.9.0\n  nothing differs\n"


def test_diff_without_a_draft_says_how_to_begin_one(project: Path, agents: Call) -> None:
    (project / "prompts/desk/ask/1.1.0.yaml").unlink()
    result = agents("prompts", "diff", "desk/ask")
    assert result.exit_code == 9
    assert "begin a draft: agents prompts new desk/ask --minor" in result.stderr


@pytest.mark.usefixtures("project")
def test_render_prints_the_messages(agents: Call) -> None:
    assert agents("prompts", "render", "desk/ask", "--input", '{"who": "you"}').stdout == "user\nHello you\n"
    found = agents("prompts", "render", "desk/ask", "1.1.0", "--input", "-", "--json", stdin='{"who": "you"}')
    assert json.loads(found.stdout) == [{"role": "user", "content": "Good morning you"}]


@pytest.mark.usefixtures("project")
def test_render_names_what_is_missing_and_what_is_not_used(agents: Call) -> None:
    result = agents("prompts", "render", "desk/ask", "--input", '{"whom": "you"}')
    assert result.exit_code == 2
    assert "error: prompt ask 1.0.0 needs who: give a value for each\n  --input takes who" in result.stderr
    result = agents("prompts", "render", "desk/ask", "--input", '{"who": "you", "x": 1}')
    assert result.stderr == "not used by the prompt: x\n"
    assert agents("prompts", "render", "desk/ask", "--input", "[]").exit_code == 2


def test_new_copies_the_newest_version(project: Path, agents: Call) -> None:
    result = agents("prompts", "new", "desk/ask", "--major")
    assert result.stdout == (
        "prompts/desk/ask/2.0.0.yaml is the draft\n  edit it, then: agents prompts diff desk/ask\n"
    )
    assert (project / "prompts/desk/ask/2.0.0.yaml").read_text() == NEXT
    made = json.loads(agents("prompts", "new", "desk/ask", "--version", "2.1.0-rc.1", "--json").stdout)
    assert made["file"] == "prompts/desk/ask/2.1.0-rc.1.yaml"
    assert agents("prompts", "new", "desk/ask", "--version", "1.0.0").exit_code == 6
    assert agents("prompts", "new", "desk/ask").exit_code == 2
    assert agents("prompts", "new", "desk/ask", "--major", "--version", "3.0.0").exit_code == 2


def measure(folder: Path, *versions: str, answer: str = "Hello Ada") -> None:
    """A case, and a record of these versions on a model that always gives this answer."""
    (folder / "desk/ask/cases.yaml").write_text(CASES)
    model = Asker(ScriptedModel(lambda _: answer), ModelName("scripted", "tiny", "0" * 64))
    for version in versions:
        subject = load(folder, "desk/ask", version)
        evaluation = asyncio.run(evaluate(subject, subject.cases.cases, model))
        record.write(record.record_of(evaluation, date(2026, 11, 22)), subject.folder)


def test_a_release_needs_a_record_that_is_not_worse_than_its_predecessors(
    project: Path, agents: Call
) -> None:
    refused = agents("prompts", "release", "desk/ask")
    assert refused.exit_code == 6
    measure(project / "prompts", "1.0.0")
    refused = agents("prompts", "release", "desk/ask")
    assert "agents prompts eval desk/ask --version 1.1.0 --record" in refused.stderr
    measure(project / "prompts", "1.1.0", answer="Good morning")
    refused = agents("prompts", "release", "desk/ask")
    assert "desk/ask 1.1.0 scores 0.00, 1.0.0 1.00" in refused.stderr
    assert "1.1.0" not in (project / "prompts/prompts.lock").read_text()


def test_release_and_deprecate_write_the_lock(project: Path, agents: Call) -> None:
    measure(project / "prompts", "1.0.0", "1.1.0")
    result = agents("prompts", "release", "desk/ask")
    assert result.stdout == (
        f"desk/ask 1.1.0 is released: sha256:{hashed(NEXT)[:12]}…, see prompts/prompts.lock\n"
        "  served from the next start on: 1.1.0\n"
    )
    result = agents("prompts", "deprecate", "desk/ask", "1.0.0", "--because", "it was cold")
    assert result.stdout == (
        "desk/ask 1.0.0 is deprecated: it was cold\n  served from the next start on: 1.1.0\n"
    )
    assert (project / "prompts/prompts.lock").read_text() == (
        f"desk/ask/0.9.0 sha256:{hashed(HELLO)} deprecated too old\n"
        f"desk/ask/1.0.0 sha256:{hashed(HELLO)} deprecated it was cold\n"
        f"desk/ask/1.1.0 sha256:{hashed(NEXT)}\n"
    )
    assert check_folder(project / "prompts") == []
    result = agents("prompts", "deprecate", "desk/ask", "1.1.0", "--because", "too warm")
    assert "it stays served, for there is nothing else: agents prompts new desk/ask --minor" in result.stdout


def test_a_release_is_refused_with_everything_that_stands_against_it(project: Path, agents: Call) -> None:
    draft = project / "prompts/desk/ask/1.1.0.yaml"
    draft.rename(draft.with_name("1.0.1.yaml"))
    before = (project / "prompts/prompts.lock").read_bytes()
    result = agents("prompts", "release", "desk/ask")
    assert result.exit_code == 6
    assert (
        "desk/ask 1.0.1 cannot be released, and nothing was changed:\n  prompts/desk/ask/1.0.1.yaml:1:1: error: "
        in (result.stderr)
    )
    assert "name it 1.1.0" in result.stderr
    assert (project / "prompts/prompts.lock").read_bytes() == before


def test_a_prompt_that_its_agent_cannot_use_is_not_released(
    agents: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[3]
    monkeypatch.chdir(root)
    text = (root / "prompts/service-desk/triage/1.0.0.yaml").read_text()
    folder = tmp_path / "service-desk" / "triage"
    folder.mkdir(parents=True)
    (folder / "1.0.0.yaml").write_text(text.replace("impact", "impakt"))
    result = agents("prompts", "release", "service-desk/triage", "--prompts", str(tmp_path))
    assert result.exit_code == 6
    assert "the agent service-desk cannot use it: " in result.stderr
    assert "the variable impakt has no field to fill it" in result.stderr
    assert not (tmp_path / "prompts.lock").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", "desk/aks"], 9, "did you mean desk/ask?"),
        (["show", "desk/ask", "1.0.1"], 9, "did you mean"),
        (["show", "desk"], 2, "names no prompt: write service-desk/triage"),
        (["show", "desk/.."], 2, "names no prompt"),
        (["show", "desk/ask", "--prompts", "nowhere"], 9, "there is no folder nowhere"),
        (["release", "desk/tell"], 9, "there is no prompt desk/tell"),
        (["deprecate", "desk/ask", "1.1.0", "--because", "x"], 6, "is a draft, and was never released"),
        (["deprecate", "desk/ask", "1.0.0", "--because", " "], 2, "--because is empty"),
        (["list", "--prompts", "git+https://example.com/x@main"], 6, "'main' is no commit"),
        (
            ["new", "desk/ask", "--minor", "--prompts", f"git+https://me:s3cret@example.com/x@{'0' * 40}"],
            6,
            "work in a clone of that repository",
        ),
    ],
)
def test_errors_say_what_to_do(agents: Call, words: list[str], code: int, says: str) -> None:
    result = agents("prompts", *words)
    assert result.exit_code == code
    assert says in result.stderr
    assert "s3cret" not in result.output


def test_a_broken_version_is_told_with_file_and_line(project: Path, agents: Call) -> None:
    (project / "prompts/desk/ask/1.1.0.yaml").write_text("name: tell\n")
    for words in (["show"], ["render"]):
        result = agents("prompts", *words, "desk/ask", "1.1.0")
        assert result.exit_code == 6
        assert "prompts/desk/ask/1.1.0.yaml:1:7: error: the name is tell" in result.stderr


def test_the_folder_may_be_named_by_the_environment(
    project: Path, agents: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "prompts").rename(project / "elsewhere")
    assert agents("prompts", "list").exit_code == 9
    monkeypatch.setenv("AGENTS_PROMPTS", "elsewhere")
    assert agents("prompts", "list").exit_code == 0
    monkeypatch.delenv("AGENTS_PROMPTS")
    (project / ".env").write_text("AGENTS_PROMPTS=elsewhere\n")
    assert agents("prompts", "list").exit_code == 0


@pytest.mark.parametrize("name", ["list", "show", "diff", "render", "new", "release", "deprecate"])
def test_every_command_has_help_with_an_example_and_json(agents: Call, name: str) -> None:
    text = agents("prompts", name, "--help").stdout
    assert f"Example: agents prompts {name}" in text
    assert "--json" in text
    assert "Exit code 0" in text
