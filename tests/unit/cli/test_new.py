"""`agents new`, in a copy of the project: what it makes passes everything that `make check` and `make test` ask."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.manifest import App, ports_of, read_manifest
from cli.scaffold.insertion import appended, with_app, with_room
from cli.scaffold.names import AgentName, agent_name, task_name
from cli.scaffold.ports import free_ports
from tests.support.project_copy import ROOT, ProjectCopy

pytestmark = pytest.mark.timeout(300)

OWN = "tests/unit/agents/test_release_notes.py"
RULES = "tests/unit/agents/test_vocabulary.py"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """With an agent of two tasks that reacts to an event of the first chain, one more task of it and of an older agent,
    and one more prompt. The working tree held a change before.
    """
    project = ProjectCopy(tmp_path_factory.mktemp("grown"))
    rules = project.folder / "agents/devops/rules.py"
    rules.write_text(f"{rules.read_text()}\n\n# a change of somebody's\n")
    for words in (
        ["agent", "release-notes", "--task", "write-notes", "--task", "check-notes",
         "--on", "agents.implementation.code.generated"],
        ["task", "release-notes", "shorten-notes"],
        ["task", "devops", "close-issue"],
        ["prompt", "notification", "shorten-mail"],
    ):  # fmt: skip
        done = project.agents("new", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def project(tmp_path: Path) -> ProjectCopy:
    return ProjectCopy(tmp_path / "project")


def test_its_own_tests_and_the_rules_for_all_agents_pass(grown: ProjectCopy) -> None:
    done = grown.run(
        "pytest", "-q", "-p", "no:cacheprovider", "-rA", OWN, RULES, "tests/unit/agents/test_devops.py"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (
        "code_generated_starts_write_notes_and_twice_is_once",
        "shorten_notes_tells_what_the_model_answered",
    ):
        assert f"PASSED {OWN}::test_{name}" in done.stdout
    assert f"PASSED {RULES}::test_each_prompt_fits_its_agent[notification/shorten-mail]" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "ruff format --check --no-cache .",
        "ruff check --no-cache .",
        "mypy --cache-dir=.mypy agents/release_notes agents/devops domain/events tests/unit/agents/test_release_notes.py",
        "importlinter.cli lint-imports --no-cache",
        "infrastructure.prompts.check prompts --release",
        "cli.documents --check",
    ],
)
def test_what_make_check_asks_is_so(grown: ProjectCopy, command: str) -> None:
    done = grown.run(*command.split())
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_link_of_its_page_is_dead(grown: ProjectCopy) -> None:
    assert (grown.folder / "docs/agents/release-notes.md").is_file()
    assert "docs/agents/" not in grown.run("cli.links").stdout


def test_a_change_that_was_there_stays(grown: ProjectCopy) -> None:
    assert (grown.folder / "agents/devops/rules.py").read_text().endswith("# a change of somebody's\n")


def test_the_new_prompts_are_drafts_with_two_cases_each(grown: ProjectCopy) -> None:
    cases = sorted(path.parent.name for path in grown.folder.glob("prompts/*/*/cases.yaml"))
    assert {"check-notes", "close-issue", "shorten-mail", "shorten-notes", "write-notes"} <= set(cases)
    text = (grown.folder / "prompts/release-notes/write-notes/cases.yaml").read_text()
    assert text.count("  - id: ") == 2


def test_a_dry_run_shows_files_and_changes_and_writes_nothing(project: ProjectCopy) -> None:
    before = project.content()
    done = project.agents("new", "agent", "greeter", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "+++ b/agents/greeter/agent.py" in done.stdout
    assert "+  - appID: greeter" in done.stdout
    assert '-layers = ["devops |' in done.stdout
    assert project.content() == before


def test_the_answer_as_json_names_what_is_new_and_what_was_changed(project: ProjectCopy) -> None:
    told = json.loads(project.agents("new", "agent", "greeter", "--json").stdout)
    assert told["changed"] == ["dapr.yaml", "pyproject.toml"]
    assert "prompts/greeter/respond/1.0.0.yaml" in told["new"]
    assert told["written"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("agent notification", "the agent notification is there already"),
        ("agent greeter --on agents.nobody.said.it", "no event type agents.nobody.said.it"),
        ("agent greeter --task greet --task greet-answer", "two things would be called GreetAnswer"),
        ("agent greeter --task greet --task greet", "greeter has a task greet already"),
        ("task nobody greet", "no agent nobody in dapr.yaml"),
        ("task devops create-issue", "agents/devops/models.py has the name CreateIssue already"),
        ("prompt notification compose", "a new version of it: agents prompts new notification/compose"),
    ],
)
def test_what_cannot_be_is_refused_with_its_cure_and_nothing_is_written(
    project: ProjectCopy, words: str, message: str
) -> None:
    before = project.content()
    done = project.agents("new", *words.split())
    assert done.returncode in {2, 9}
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert project.content() == before


def test_when_the_documents_cannot_be_written_nothing_stays(project: ProjectCopy) -> None:
    (project.folder / "agents/devops/rules.py").write_text("this is no Python\n")
    before = project.content()
    done = project.agents("new", "agent", "greeter")
    assert done.returncode == 6
    assert "so nothing was: " in done.stderr
    assert project.content() == before
    assert not (project.folder / "agents/greeter").exists()
    assert not (project.folder / "docs/agents").exists()


def test_two_agents_made_at_once_are_both_there_whole(project: ProjectCopy) -> None:
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda name: project.agents("new", "agent", name), ("greeter", "waiter")))
    assert [one.returncode for one in done] == [0, 0], done
    apps = read_manifest(project.folder / "dapr.yaml")
    assert {"greeter", "waiter"} <= {app.app_id for app in apps}
    numbers = [port for app in apps for port in ports_of(app).values()]
    assert len(numbers) == len(set(numbers))
    assert project.run("cli.documents", "--check").returncode == 0


@pytest.mark.parametrize(
    ("given", "problem", "cure"),
    [
        ("ReleaseNotes", "is no name for an agent", "for instance release-notes"),
        ("release_notes", "is no name for an agent", "for instance release-notes"),
        ("9lives", "is no name for an agent", "for instance release-notes"),
        ("a" * 41, "has 41 characters", "at most 40"),
        ("class", "is a word of Python", "for instance class-desk"),
        ("json", "is a module of Python's standard library", "for instance json-desk"),
        ("greeter-2", "ends with a number", "without a number"),
        ("service-desk", "is there already", "there are: service-desk"),
        ("runtime", "is there already", "there are: service-desk"),
        ("servicedesk", "events of the domain 'servicedesk' are there already", "taken: servicedesk"),
    ],
)
def test_a_name_that_cannot_be_an_agents_is_refused_with_its_cure(
    given: str, problem: str, cure: str
) -> None:
    with pytest.raises(CommandError) as caught:
        agent_name(given, ["service-desk"], ["service_desk", "runtime"], ["servicedesk"])
    assert problem in caught.value.message
    assert cure in caught.value.hint


@pytest.mark.parametrize("given", ["execute", "dead-letters", "print", "context", "agent"])
def test_a_task_is_not_called_like_what_is_there(given: str) -> None:
    with pytest.raises(CommandError, match="means something else already"):
        task_name(given, AgentName("greeter"), [])


def test_ten_agents_more_get_ports_that_nine_replicas_of_each_can_share() -> None:
    apps = read_manifest(ROOT / "dapr.yaml")
    for number in range(10):
        apps.append(app_on(f"new-{number}", free_ports(apps)))
    series = [{p + 10 * n for p in ports_of(app).values() for n in range(9)} for app in apps[5:]]
    assert all(not one & other for one, other in combinations(series, 2))
    assert ports_of(apps[5]) == {
        "app": 7300, "sidecar HTTP": 3506, "sidecar gRPC": 3606, "sidecar internal gRPC": 3806, "sidecar metrics": 3706,
    }  # fmt: skip


def test_a_port_where_somebody_listens_is_left_out() -> None:
    apps = read_manifest(ROOT / "dapr.yaml")
    usual = free_ports(apps)["appPort"]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", usual))
        listening.listen()
        assert free_ports(apps)["appPort"] != usual


def app_on(name: str, ports: dict[str, int]) -> App:
    return App.model_validate({"appID": name, "appDirPath": ".", "command": ["true"], **ports})


def test_a_room_is_added_to_both_contracts_in_its_place() -> None:
    changed = with_room((ROOT / "pyproject.toml").read_text(), "mail_room")
    assert "implementation | mail_room | notification" in changed
    assert '"agents.implementation", "agents.mail_room", "agents.notification"' in changed


@pytest.mark.parametrize("gone", ['name = "the host names no agent"', ', "runtime"]'])
def test_a_pyproject_of_another_form_is_left_alone(gone: str) -> None:
    text = (ROOT / "pyproject.toml").read_text().replace(gone, gone.upper())
    with pytest.raises(CommandError, match="not in the form of this project"):
        with_room(text, "mail_room")


def test_a_manifest_whose_apps_are_not_last_is_left_alone() -> None:
    entry = "  - appID: greeter\n    appPort: 1\n"
    with pytest.raises(CommandError, match="nothing can be appended"):
        with_app("apps:\n  - appID: other\ncommon:\n  logLevel: info\n", entry, "greeter")


def test_imports_go_behind_the_last_one_and_only_where_they_are_missing() -> None:
    source = '"""Says."""\n\nfrom a import one\n\nX = one\n'
    assert appended(source, "Y = two\n", [("a", "one"), ("b", "two")], "x.py") == (
        '"""Says."""\n\nfrom a import one\nfrom b import two\n\nX = one\n\n\nY = two\n'
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Y = 1\n", "x.py has the name Y already"),
        ("from c import two\n", "x.py has the name two already"),
        ("def broken(:\n", "x.py, line 1: invalid syntax"),
    ],
)
def test_nothing_is_appended_where_it_would_hide_something(source: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        appended(source, "Y = two\n", [("b", "two")], "x.py")
