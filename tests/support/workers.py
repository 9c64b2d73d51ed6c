"""With `pytest -n 2`, as `make test` calls it: which tests may run beside each other, and what of them is told.

A file stays with one worker, and so do the files that start whole systems: a system's ports are looked for first and taken seconds later.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_WHOLE_SYSTEMS = ("tests/e2e/", "tests/faults/", "tests/integration/local/")


class FilesAndSystems(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Work is handed out in the order of the folders, so that the many small files of `unit` even out what came before."""

    def _split_scope(self, nodeid: str) -> str:
        return "whole systems" if nodeid.startswith(_WHOLE_SYSTEMS) else nodeid.partition("::")[0]


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesAndSystems:
    config.option.loadscopereorder = False
    return FilesAndSystems(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """What a test logged may be no UTF-8, and a worker would end over its report."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {name: _encodable(one) for name, one in value.items()}
        case list() | tuple():
            return type(value)(map(_encodable, value))
    return value
