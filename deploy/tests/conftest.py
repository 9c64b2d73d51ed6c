"""What the chart renders, by Helm, once for each environment. `make verify-deploy` runs these and names the program."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from cli.errors import CommandError
from deploy.verify.chart import ENVIRONMENTS, Document, documents, template


@pytest.fixture(scope="session")
def helm() -> Path:
    named = os.environ.get("AGENTS_VERIFY_HELM") or shutil.which("helm")
    if named is None:
        pytest.fail("there is no helm: `make verify-deploy` builds it and runs these tests")
    return Path(named)


@pytest.fixture(scope="session")
def promtool() -> Path:
    named = os.environ.get("AGENTS_VERIFY_PROMTOOL") or shutil.which("promtool")
    if named is None:
        pytest.fail("there is no promtool: `make verify-deploy` builds it and runs these tests")
    return Path(named)


@pytest.fixture(scope="session")
def rendered(helm: Path) -> Callable[..., list[Document]]:
    """`rendered("prod", "image.tag=1")`: the objects of an environment, with further --set options."""

    @cache
    def render(environment: str, *values: str) -> list[Document]:
        return documents(template(helm, environment, [f"--set={value}" for value in values]))

    return render


@pytest.fixture(params=ENVIRONMENTS)
def objects(request: pytest.FixtureRequest, rendered: Callable[..., list[Document]]) -> list[Document]:
    """All objects, of each environment in turn."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def refusal(helm: Path) -> Callable[..., str]:
    """What Helm says when it refuses an environment with these further options."""

    def refuse(environment: str, *options: str) -> str:
        with pytest.raises(CommandError) as refused:
            template(helm, environment, options)
        return refused.value.message

    return refuse
