"""What counts the benchmarks' events is tested in its own language."""

from __future__ import annotations

import asyncio
import os
import subprocess

import pytest
from rich.console import Console

from benchmarks.suite.programs import OUTSIDE
from cli.local.provision.cache import user_cache
from cli.local.provision.progress import Progress
from cli.local.provision.toolchain import find_go

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
]  # compiled once, half a minute on two quiet cores


def test_the_program_around_the_contenders() -> None:
    cache = user_cache(os.environ)
    # A build cache of its own (100 MB): that of the product's builds is cleared after each.
    own = {**os.environ, "GOCACHE": str(cache.root / "go-tests")}
    go = asyncio.run(find_go(cache, own, Progress(Console()).step("Go", 1)))
    environment = {**go.environment, "CGO_ENABLED": "0"}
    for words in (["vet", "."], ["test", "./..."]):
        told = subprocess.run(
            [go.program, *words], cwd=OUTSIDE, env=environment, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stdout + told.stderr
