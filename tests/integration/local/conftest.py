from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.local.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    made.write()
    yield made
    made.clear()


@pytest.fixture
def running(project: Project) -> Project:
    done = project.agents("up", "--detach", "--timeout", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    return project
