"""Who is measured: whoever fails twice is left out of the rest of the run, and the others go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from benchmarks.contenders import Contender
from benchmarks.suite.progress import Steps
from benchmarks.suite.results import Failure
from cli.errors import CommandError

_T = TypeVar("_T")


class Entrants:
    """`standing` are those that are still measured. `part`: of the results, which its failures are told with."""

    def __init__(
        self, part: str, contenders: Sequence[Contender], unbuilt: Mapping[str, CommandError], steps: Steps
    ) -> None:
        self._part, self._steps = part, steps
        self.standing = list(contenders)
        self.failures: list[Failure] = []
        for one in contenders:
            if one.name in unbuilt:
                self._leave_out(one, "environment", unbuilt[one.name])

    async def attempt(self, one: Contender, what: str, run: Callable[[], Awaitable[_T]]) -> _T | None:
        """None: it failed, and is out."""
        self._steps.start(f"{what}, {one.name}")
        try:
            return await self._steps.twice(run)
        except CommandError as error:
            self._leave_out(one, what, error)
            return None

    def require(self, contender: str) -> None:
        """CommandError when it was left out."""
        for failure in self.failures:
            if failure.contender == contender:
                raise CommandError(f"{contender} failed: {failure.what}: {failure.message}")

    def _leave_out(self, one: Contender, what: str, error: CommandError) -> None:
        self._steps.note(
            f"{one.name} failed and is left out from now on: {error.message}\n{error.hint}".strip()
        )
        self.standing.remove(one)
        self.failures.append(Failure.of(one.name, f"{self._part}: {what}", error))
