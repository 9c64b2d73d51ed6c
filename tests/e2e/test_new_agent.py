"""`agents new agent`, then `agents up`, and nothing between: on real daprd and Redis, with a model that answers at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli.local.provision.run import Programs
from tests.e2e.stand_ins import StandIns
from tests.e2e.system import System
from tests.support.project_copy import ProjectCopy
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_an_agent_that_was_just_made_runs_and_reacts(
    programs: Programs, outside: StandIns, tmp_path: Path
) -> None:
    assert programs.daprd is not None
    project = ProjectCopy(tmp_path / "project")
    done = project.agents(
        "new", "agent", "greeter", "--task", "greet", "--on", "agents.testplanning.spec.generated"
    )
    assert done.returncode == 0, done.stderr
    keep_only(project, "greeter", "test-planning")
    system = System(tmp_path / "run", project.folder, PYTHONPATH=str(project.folder), **outside.environment)
    try:
        system.up()
        ran = system.agents("run", "greeter", "greet", "--title", "Max", "--details", "He is new.", "--json")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert json.loads(ran.stdout)["output"]["title"] == "Max"
        status, _ = system.post(
            "test-planning", "generate-spec", {"feature_title": "Reset", "description": "Anything."},
            {"X-Correlation-ID": "greeted"},
        )  # fmt: skip
        assert status == 200
        eventually(lambda: _link(system, "greeter", "completed"), 120)
    finally:
        system.down()


def keep_only(project: ProjectCopy, *agents: str) -> None:
    """Fewer processes: what is shown needs no others."""
    file = project.folder / "dapr.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["apps"] = [app for app in manifest["apps"] if app["appID"] in agents]
    file.write_text(yaml.safe_dump(manifest))


def _link(system: System, agent: str, status: str) -> bool:
    told = json.loads(system.agents("chain", "greeted", "--json").stdout)
    return any(
        reaction["agent"] == agent and reaction["status"] == status
        for root in told["roots"]
        for event in root["events"]
        for reaction in event["reactions"]
    )
