"""Asks one agent after another for something that only one of them has."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

from cli.client import AgentClient, Refusal, nothing_answers
from cli.errors import CommandError
from cli.exit_codes import ExitCode

Answer = TypeVar("Answer")


def first_known(
    clients: Mapping[str, AgentClient],
    question: Callable[[AgentClient], Answer | None],
    what: str,
    hint: str,
) -> tuple[str, Answer]:
    """The agent that knows it, and its answer; `question` gives None where it is not known.

    Raises CommandError when nobody knows it, naming the agents that did not answer; when one knows it and refuses, that
    refusal.
    """
    problems: list[CommandError] = []
    for name, client in clients.items():
        try:
            answer = question(client)
        except Refusal as refusal:
            if refusal.status == HTTPStatus.CONFLICT:
                raise
            problems.append(refusal)
        except CommandError as problem:
            problems.append(problem)
        else:
            if answer is not None:
                return name, answer
    if len(problems) == len(clients):
        raise nothing_answers(problems)
    missing = "; ".join(problem.message for problem in problems)
    nobody = "none of the agents that answered knows" if problems else "no agent knows"
    raise CommandError(f"{nobody} {what}", hint=missing or hint, code=ExitCode.NOT_FOUND)
