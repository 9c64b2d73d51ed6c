"""`agents up --watch` on a copy of the project: real daprd, Redis and agents, and a model that answers at once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from cli.local.provision.run import Programs
from domain.events.testplanning import SpecGenerated
from infrastructure.memory.schema_answer import schema_answer
from tests.e2e.stand_ins import StandIns, stand_ins
from tests.e2e.system import System
from tests.e2e.test_new_agent import keep_only
from tests.support.project_copy import ProjectCopy
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

EVENTS, SAVES = 60, 3
WITHIN = 60.0
"""Seconds for what takes two on an idle machine."""
CODE = "agents.implementation.code.generated"
SPEC = schema_answer(SpecGenerated.model_json_schema())


@pytest.fixture(scope="module")
def outside() -> Iterator[StandIns]:
    with stand_ins() as running:
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    copy = ProjectCopy(tmp_path_factory.mktemp("watched") / "project")
    keep_only(copy, "implementation", "devops")
    return copy


@pytest.fixture(scope="module")
def system(
    programs: Programs, outside: StandIns, project: ProjectCopy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    assert programs.daprd is not None
    run = tmp_path_factory.mktemp("run")
    running = System(run, project.folder, PYTHONPATH=str(project.folder), **outside.environment)
    try:
        done = running.agents("up", "--watch", "--detach", "--timeout", "90")
        assert done.returncode == 0, done.stdout + done.stderr
        yield running
    finally:
        running.down()


@pytest.fixture
def edit(project: ProjectCopy, system: System) -> Iterator[Callable[[str, str, str], None]]:
    """Save a file with one text in the place of another; all are as they were in the end."""
    before: dict[Path, str] = {}

    def replace(path: str, old: str, new: str) -> None:
        file = project.folder / path
        text = file.read_text()
        before.setdefault(file, text)
        assert old in text
        file.write_text(text.replace(old, new, 1))

    yield replace
    done = restarts(system)
    for file, text in before.items():
        file.write_text(text)
    eventually(lambda: restarted_since(system, done) and all_ready(system), WITHIN)


def services(system: System) -> list[dict[str, Any]]:
    """Its exit code says whether all are ready; here some may not be."""
    found: list[dict[str, Any]] = json.loads(system.agents("status", "--json").stdout)["services"]
    return found


def pids(system: System) -> dict[str, Any]:
    return {one["name"]: one["pid"] for one in services(system) if one["state"] == "ready"}


def all_ready(system: System) -> bool:
    return all(one["state"] == "ready" for one in services(system))


def renewed(system: System, before: dict[str, Any], *names: str) -> bool:
    """Exactly these are other processes than before, and ready."""
    now = pids(system)
    return {name for name in before if now.get(name, before[name]) != before[name]} == set(
        names
    ) and now.keys() == before.keys()


def reviewed(system: System) -> str:
    file = {"path": "a.py", "language": "python", "content": "x = 1"}
    status, answer = system.post("implementation", "review-code", {"files": [file]})
    assert status == 200, answer
    return str(answer["output"]["verdict"])


def restarts(system: System) -> int:
    return said(system).count("changed, starting again")


def restarted_since(system: System, before: int) -> bool:
    return restarts(system) > before


def said(system: System) -> str:
    return (system.run / "logs/agents.log").read_text()


Edit = Callable[[str, str, str], None]


def test_a_saved_rule_is_in_force_and_others_are_left_alone(system: System, edit: Edit) -> None:
    before = pids(system)
    usual = reviewed(system)
    edit(
        "agents/implementation/rules.py",
        "def verdict(",
        "def verdict(*_: object) -> str:\n    return 'approved'\n\n\ndef usual_verdict(",
    )
    eventually(lambda: renewed(system, before, "implementation"), WITHIN)
    assert usual == "comments"
    assert reviewed(system) == "approved"
    assert "implementation: agents/implementation/rules.py changed, starting again" in said(system)


def test_what_cannot_run_leaves_the_old_one_running_and_is_shown(system: System, edit: Edit) -> None:
    before = pids(system)
    edit("agents/implementation/rules.py", "def verdict(", "def verdict(((:\n\n\ndef other(")
    eventually(lambda: "agents/implementation/rules.py, line " in said(system), WITHIN)
    edit("agents/devops/agent.py", "AGENT = Agent(", "AGENT = NoSuchThing(")
    eventually(
        lambda: (
            "devops: NameError: name 'NoSuchThing' is not defined; the old one keeps running" in said(system)
        ),
        WITHIN,
    )
    edit("prompts/devops/analyze-sprint/1.0.0.yaml", "template_format: ", "template_fromat: ")
    eventually(lambda: "cannot be used" in said(system), WITHIN)
    assert pids(system) == before


def test_a_draft_is_what_the_model_is_told_and_its_edits_too(
    system: System, project: ProjectCopy, outside: StandIns
) -> None:
    """A release is never edited: a change is a new file, and a draft until it is released."""

    def told(words: str) -> bool:
        try:
            reviewed(system)
        except OSError:  # it is just starting again
            return False
        return words in json.dumps(outside.model.last.body)

    release = project.folder / "prompts/implementation/review-code/1.0.0.yaml"
    draft = release.with_name("1.1.0.yaml")
    text = release.read_text()
    try:
        draft.write_text(text.replace("You are a careful code reviewer.", "You are a hasty reviewer."))
        eventually(lambda: told("You are a hasty reviewer."), WITHIN)
        draft.write_text(text.replace("You are a careful code reviewer.", "You are a kind reviewer."))
        eventually(lambda: told("You are a kind reviewer."), WITHIN)
    finally:
        done = restarts(system)
        draft.unlink(missing_ok=True)
        eventually(lambda: restarted_since(system, done) and all_ready(system), WITHIN)
    assert told("You are a careful code reviewer.")
    assert "implementation: ready after " in said(system).rpartition("changed, starting again")[2]


def test_work_that_comes_while_agents_start_again_is_done_once(
    system: System, edit: Edit, outside: StandIns
) -> None:
    outside.model_delay = 0.2
    try:
        for number in range(EVENTS):
            publish(system, str(number))
            if number % (EVENTS // SAVES) == 5:
                before = restarts(system)
                edit(
                    "agents/implementation/rules.py",
                    "def verdict(",
                    f"SAVED_{number} = {number}\n\n\ndef verdict(",
                )
                eventually(partial(restarted_since, system, before), WITHIN)
        with redis.Redis(port=6379 + system.offset) as broker:
            eventually(lambda: len(made(broker)) == EVENTS, WITHIN)
    finally:
        outside.model_delay = 0.0


def publish(system: System, name: str) -> None:
    event = {
        "specversion": "1.0", "id": name, "source": "/tests/watch", "type": SpecGenerated.event_type, "data": SPEC,
        "datacontenttype": "application/json",
    }  # fmt: skip
    port = system.apps["devops"].dapr_http_port + system.offset
    request = urllib.request.Request(  # our own loopback address
        f"http://127.0.0.1:{port}/v1.0/publish/agents-pubsub/{SpecGenerated.event_type}",
        json.dumps(event).encode(),
        {"Content-Type": "application/cloudevents+json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 204


def made(broker: redis.Redis) -> set[str]:
    """The ids of all code that was made for our events: a second publication of one would have the same id."""
    entries: Any = broker.xrange(CODE)
    events = [json.loads(fields[b"data"]) for _, fields in entries]
    ours = [event for event in events if event["causationid"].isdecimal()]
    assert len({event["id"] for event in ours}) == len({event["causationid"] for event in ours}), (
        "one per event"
    )
    return {event["id"] for event in ours}
