"""`agents reset` where the documents are not in what it drops."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.local import components
from cli.local.instance import find_instance
from tests.unit.cli.conftest import Call

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS_PORT_OFFSET", "AGENTS_RUN_DIR", "AGENTS_COMPONENTS", "AGENTS_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    for name in ("dapr.yaml", "dapr.postgres.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "components", tmp_path / "components")
    (tmp_path / ".run" / "redis").mkdir(parents=True)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_documents_in_postgres_are_said_to_stay(agents: Call) -> None:
    components.note(find_instance().run, {"AGENTS_COMPONENTS": "postgres"})
    done = agents("reset", "--yes", "--json")
    assert done.stderr == "the documents in PostgreSQL stay: that is not ours to drop\n"
    assert [Path(folder).name for folder in json.loads(done.stdout)["dropped"]] == ["redis"]


@pytest.mark.usefixtures("project")
def test_on_redis_nothing_stays(agents: Call) -> None:
    assert agents("reset", "--yes").stderr == ""


def test_a_project_whose_manifest_is_broken_is_reset_all_the_same(agents: Call, project: Path) -> None:
    (project / "dapr.yaml").write_text("[")
    done = agents("reset", "--yes")
    assert (done.exit_code, done.stdout) == (0, "dropped: redis\n")
