from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from cli.asyncapi import asyncapi
from cli.documents import load_agent
from cli.errors import CommandError
from cli.local.manifest import read_manifest
from cli.scaffold.insertion import with_chart_entry
from deploy import declared
from deploy.declared import CHART, ROOT, command, files, published_topics
from tests.support.project_copy import ProjectCopy


def test_the_charts_copies_are_what_the_repository_says() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "deploy.declared", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_component_of_every_set_is_in_the_chart() -> None:
    assert sorted(files(ROOT)) == [
        "components/azure/config.yaml",
        "components/azure/pubsub.yaml",
        "components/azure/secrets.yaml",
        "components/azure/statestore.yaml",
        "components/postgres/config.yaml",
        "components/postgres/pubsub.yaml",
        "components/postgres/secrets.yaml",
        "components/postgres/statestore.yaml",
        "components/redis/config.yaml",
        "components/redis/pubsub.yaml",
        "components/redis/secrets.yaml",
        "components/redis/statestore.yaml",
        "declared.yaml",
    ]


def test_both_sets_name_the_same_components() -> None:
    def names(folder: str) -> set[tuple[str, str]]:
        documents = [
            yaml.safe_load(path.read_text()) for path in (ROOT / "components" / folder).glob("*.yaml")
        ]
        return {(document["kind"], document["metadata"]["name"]) for document in documents}

    assert names("azure") == names("redis")


def test_the_topics_of_the_scopes_are_those_of_the_public_interface() -> None:
    agents = [load_agent(app.command[-1]) for app in read_manifest(ROOT / "dapr.yaml")]
    operations = asyncapi(agents, "0", "localhost:6379")["operations"]
    for agent in agents:
        said = {name.split(".", 2)[2] for name in operations if name.startswith(f"{agent.name}.send.")}
        assert set(published_topics(agent)) == said


def test_the_chart_lists_the_agents_of_dapr_yaml() -> None:
    values = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())
    apps = [app.app_id for app in read_manifest(ROOT / "dapr.yaml")]
    assert [agent["name"] for agent in values["agents"]] == apps


def test_agents_new_makes_the_entry_too_and_what_it_declares_is_in_the_chart(tmp_path: Path) -> None:
    project = ProjectCopy(tmp_path)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    made = project.agents("new", "agent", "release-notes", "--on", "agents.implementation.code.generated")
    assert made.returncode == 0, made.stderr
    values = (tmp_path / CHART / "values.yaml").read_text()
    assert "  - name: service-desk\n  - name: release-notes\n\n# Azure" in values
    declared = yaml.safe_load((tmp_path / CHART / "files/declared.yaml").read_text())["agents"]
    assert declared["release-notes"]["subscribes"] == [
        "agents.implementation.code.generated",
        "agents.releasenotes.execution.requested",
    ]
    assert project.run("deploy.declared", "--check").returncode == 0


def test_a_list_of_agents_in_another_form_is_left_alone_and_said() -> None:
    with pytest.raises(CommandError, match="not in the form of this project") as refused:
        with_chart_entry("agents: [{name: devops}]\nimage: {}\n", "release-notes")
    assert refused.value.hint == "add `- name: release-notes` to its `agents` by hand"


def test_a_drifted_and_a_stale_file_are_named_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("components/redis", "components/azure", "deploy/helm/agents/files/components/redis"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dapr.yaml").write_bytes((ROOT / "dapr.yaml").read_bytes())
    (tmp_path / "components/redis/pubsub.yaml").write_text("kind: Component\n")
    stale = tmp_path / "deploy/helm/agents/files/components/redis/gone.yaml"
    stale.write_text("kind: Component\n")
    monkeypatch.setattr(declared, "ROOT", tmp_path)

    checked = CliRunner().invoke(command, ["--check"])
    assert checked.exit_code == 1
    for name in ("declared.yaml", "components/redis/pubsub.yaml", "components/redis/gone.yaml"):
        assert (
            f"files/{name} differs from the repository; to mend it: python -m deploy.declared"
            in checked.stderr
        )

    written = CliRunner().invoke(command, [])
    assert written.output == "2 files, 2 written, 1 removed\n"
    assert not stale.exists()
    assert CliRunner().invoke(command, ["--check"]).exit_code == 0
