"""Asks one agent after another for something that only one of them has."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TypeVar

from cli.client import AgentClient, nothing_answers
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.refusals import Refusal, Unreachable

Answer = TypeVar("Answer")


class NotKnownNow(CommandError):
    """Nobody who answered has it, and somebody did not answer. `busy`: one of those says that it cannot just now."""

    def __init__(self, what: str, problems: Iterable[CommandError]) -> None:
        found = list(problems)
        down = all(isinstance(problem, Unreachable) for problem in found)
        super().__init__(
            f"cannot be known now: {what}; {'; '.join(problem.message for problem in found)}",
            hint=next((problem.hint for problem in found if problem.hint), ""),
            code=ExitCode.NOT_RUNNING if down else ExitCode.NOT_READY,
        )
        self.busy = any(map(is_busy, found))


def first_known(
    clients: Mapping[str, AgentClient],
    question: Callable[[AgentClient], Answer | None],
    what: str,
    hint: str,
) -> tuple[str, Answer]:
    """The agent that knows it, and its answer; `question` gives None where it is not known.

    Raises CommandError when nobody knows it: the refusal, when one refuses; else that it cannot be known now, when one
    does not answer.
    """
    problems: list[CommandError] = []
    for name, client in clients.items():
        try:
            answer = question(client)
        except CommandError as problem:
            if isinstance(problem, Refusal) and problem.is_final:
                raise
            problems.append(problem)
        else:
            if answer is not None:
                return name, answer
    raise nobody_knows(what, hint, problems, len(clients))


def nobody_knows(what: str, hint: str, problems: list[CommandError], asked: int) -> CommandError:
    """The error to show when none of the agents that were asked has it; `problems` are those that gave no answer."""
    broken = [problem for problem in problems if isinstance(problem, Refusal) and not is_busy(problem)]
    if broken:
        return broken[0]
    if len(problems) == asked:
        return nothing_answers(problems)
    if problems:
        return NotKnownNow(what, problems)
    return CommandError(f"no agent knows {what}", hint=hint, code=ExitCode.NOT_FOUND)


def is_busy(problem: CommandError) -> bool:
    """An agent that is full, or lacks something just now, and says so before it does anything."""
    if isinstance(problem, NotKnownNow):
        return problem.busy
    busy = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return isinstance(problem, Refusal) and problem.status in busy
