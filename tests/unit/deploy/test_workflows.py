"""What actionlint does not ask of the workflows: pins, rights, and that no key is kept anywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.declared import ROOT
from deploy.verify.tools import HELM

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(workflow: Path) -> None:
    for line in workflow.read_text().splitlines():
        if "uses: " in line and "uses: ./" not in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40}  # v\d+(\.\d+)+$", line), line


def test_an_action_has_one_commit_in_all_workflows() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w/-]+)@(.+)$", path.read_text(), re.MULTILINE):
            pins.setdefault(action, set()).add(pin)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_nothing_but_reading_is_allowed_unless_a_job_asks_for_its_identity(workflow: Path) -> None:
    document = _read(workflow)
    assert document["permissions"] == {"contents": "read"}
    for job in document["jobs"].values():
        assert job.get("permissions", {}) in ({}, {"contents": "read", "id-token": "write"})


def test_no_workflow_has_a_secret(workflow: Path) -> None:
    assert "secrets." not in workflow.read_text()


def test_no_expression_stands_in_a_script(workflow: Path) -> None:
    # What an expression gives would be read as shell.
    for job in _read(workflow)["jobs"].values():
        for step in job.get("steps", []):
            assert "${{" not in step.get("run", "")


def test_no_two_runs_deploy_to_one_environment_and_none_is_broken_off() -> None:
    concurrency = _read(ROOT / ".github/workflows/deploy.yml")["concurrency"]
    assert concurrency == {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": False}


def test_prod_comes_after_staging_with_the_same_digest() -> None:
    jobs = _read(ROOT / ".github/workflows/release.yml")["jobs"]
    assert jobs["publish"]["needs"] == "tested"
    assert jobs["staging"]["needs"] == "publish"
    assert jobs["prod"]["needs"] == ["publish", "staging"]
    assert jobs["prod"]["with"]["digest"] == jobs["staging"]["with"]["digest"]


def test_the_chart_is_installed_by_the_helm_that_proves_it() -> None:
    assert f"version: {HELM.version}" in (ROOT / ".github/workflows/deploy.yml").read_text()


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document
