"""At the end of a session: no log, no captured output and no file that the tests' processes left holds a planted secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.planted import Found, found_below, found_in


class NoPlantedSecrets:
    def __init__(self) -> None:
        self.found: list[Found] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for title, text in report.sections:
            self.found += found_in(text.encode(errors="replace"), f"{report.nodeid}, {title}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """After the last fixture ended, of all workers: what its processes wrote is whole, and kept until a session three later."""
        # The one place that knows the session's folder; it is made when the first test asks for one.
        factory: Any = getattr(session.config, "_tmp_path_factory", None)
        made: Path | None = getattr(factory, "_basetemp", None)
        if made is not None:
            self.found += found_below(made)
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.found:
            terminalreporter.section("planted secrets", red=True)
            for one in dict.fromkeys(self.found):
                terminalreporter.line(f"{one} stands there in the clear")


def pytest_configure(config: pytest.Config) -> None:
    """Workers report to the one that started them, and their folders are in its own."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(NoPlantedSecrets(), "no-planted-secrets")
