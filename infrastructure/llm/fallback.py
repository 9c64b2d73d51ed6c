"""Where a model cannot answer, the next one does: in another region, of another provider, on one's own machine.

Whoever is down, busy, too slow or wrongly configured is passed over. What a model says of the input itself (refused,
truncated, no fitting answer) stands, whoever said it: another one would have to be paid to say it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from domain.chat import ChatReply, ChatRequest
from domain.errors import (
    AgentError,
    ModelFailsForInput,
    ModelMisconfigured,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
    Unavailable,
)
from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry
from infrastructure.llm.streaming import Watched

log = logging.getLogger(__name__)

_PASSED_OVER = (ModelUnavailable, ModelRateLimited, ModelTimeout, ModelMisconfigured, ModelFailsForInput)


@dataclass(frozen=True, slots=True)
class Candidate:
    """`timeout` is how many seconds it may take while others can still be asked; None: an equal share of what is left."""

    name: str
    model: LanguageModel
    timeout: float | None = None


class FallbackModel:
    """`LanguageModel` that asks the candidates one after the other, within the request's timeout.

    A stream that has sent text is not begun anew by another model under its reader: its error goes up as it is.
    """

    def __init__(self, candidates: Sequence[Candidate], telemetry: Telemetry) -> None:
        self._candidates = tuple(candidates)
        self._telemetry = telemetry

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        now = asyncio.get_running_loop().time
        ends = now() + request.timeout
        failures: list[tuple[str, AgentError]] = []
        for index, candidate in enumerate(self._candidates):
            left, others = max(ends - now(), 0.001), len(self._candidates) - index - 1
            share = min(left, candidate.timeout or left / (others + 1)) if others else left
            text = Watched(on_text)
            try:
                reply = await candidate.model.complete(replace(request, timeout=share), text.on_text)
            except _PASSED_OVER as error:
                if text.was_sent:
                    raise
                failures.append((candidate.name, error))
            except AgentError as error:
                if failures:
                    error.message += f" ({candidate.name} was asked since others failed: {_listed(failures)})"
                    error.args = (error.message,)
                raise
            else:
                if failures:
                    self._tell(failures, candidate.name)
                return reply
        raise _all_failed(failures)

    async def check(self) -> None:
        """One that is well will do."""
        failures: list[tuple[str, AgentError]] = []
        for candidate in self._candidates:
            try:
                await candidate.model.check()
            except AgentError as error:
                failures.append((candidate.name, error))
            else:
                return
        raise _all_failed(failures)

    async def close(self) -> None:
        for candidate in self._candidates:
            await candidate.model.close()

    def _tell(self, failures: list[tuple[str, AgentError]], answered: str) -> None:
        labels = {"from": failures[0][0], "to": answered, "cause": failures[0][1].code}
        self._telemetry.count("agents.model.fallbacks", attributes=labels)
        level = logging.WARNING if isinstance(failures[0][1], ModelMisconfigured) else logging.INFO
        log.log(level, "%s answered instead: %s", answered, _listed(failures))


def _all_failed(failures: list[tuple[str, AgentError]]) -> AgentError:
    """One error for all, of the class of the first that lets the work wait: a fallback that is slow must not use up attempts.

    Where the first model answers others and not this input, that is the verdict: of a fallback that is asked for nothing
    but such inputs nobody can tell whether it is down.
    """
    first = failures[0][1]
    waits = [error for _, error in failures if isinstance(error, Unavailable)]
    if not waits or isinstance(first, ModelFailsForInput):
        return type(first)(_listed(failures), **first.details)
    back = [error.retry_after for error in waits if error.retry_after is not None]
    return type(waits[0])(_listed(failures), retry_after=min(back, default=None), **waits[0].details)


def _listed(failures: list[tuple[str, AgentError]]) -> str:
    return "; ".join(f"{name}: {error.message}" for name, error in failures)
