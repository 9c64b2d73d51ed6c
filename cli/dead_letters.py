"""Dead letters as the commands see them: which ones are meant, read page by page, asked of every agent."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import click

from cli.asking import first_known
from cli.client import AgentClient
from cli.errors import CommandError
from cli.nearest import nearest
from cli.readable import moment_of
from cli.refusals import Refusal
from domain.json import JsonObject

Function = TypeVar("Function", bound=Callable[..., Any])

PAGE = 200
"""Entries asked for at once; the agents give 500 at most."""
CONDITIONS = ("cause", "task", "type", "after", "before")


@dataclass(frozen=True)
class Wanted:
    """Which dead letters are meant. `conditions` in the API's words: what must be equal, and times around last_seen."""

    state: str = "open"
    conditions: Mapping[str, str] = field(default_factory=dict)


def parse_conditions(given: Iterable[str]) -> dict[str, str]:
    """`cause=rejected`, `after=2026-11-20`; ValueError says what is wrong. Times without a zone are local ones."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise ValueError(f"{text!r} is not NAME=VALUE, as cause=rejected")
        if name not in CONDITIONS:
            raise ValueError(f"{name!r} is nothing to choose by; {nearest(name, CONDITIONS)}")
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = _time(name, value) if name in {"after", "before"} else value
    return found


def where_option(function: Function) -> Function:
    """--where NAME=VALUE, which may be repeated; all of them must hold."""

    def parsed(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
        try:
            return parse_conditions(given)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    names = ", ".join(CONDITIONS)
    told = f"Only where this holds; may be repeated. Names: {names}; the times are those of the last attempt."
    return click.option("--where", metavar="NAME=VALUE", multiple=True, callback=parsed, help=told)(function)


def _time(name: str, text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is {text!r}, not a time as 2026-11-20 or 2026-11-20T12:30") from None


class Letters:
    """The letters of several agents; `problems` are those that did not answer, by agent, once they were asked."""

    def __init__(self, clients: Mapping[str, AgentClient]) -> None:
        self._clients = clients
        self.problems: dict[str, CommandError] = {}

    @property
    def agents(self) -> int:
        return len(self._clients)

    def newest_first(self, wanted: Wanted, page: int = PAGE) -> Iterator[JsonObject]:
        """All agents' letters merged. A page is asked for when it is needed."""
        streams = [self._of(client, wanted, page) for client in self._clients.values()]
        return heapq.merge(*streams, key=_last_seen, reverse=True)

    def _of(self, client: AgentClient, wanted: Wanted, page: int) -> Iterator[JsonObject]:
        query = {"state": wanted.state, **wanted.conditions, "limit": str(page)}
        try:
            while True:
                answer = client.get(f"/dead-letters?{urlencode(query)}")
                yield from answer["dead_letters"]
                if answer["next"] is None:
                    return
                query["cursor"] = answer["next"]
        except CommandError as problem:
            self.problems[client.name] = problem


def read_letter(clients: Mapping[str, AgentClient], letter: str) -> JsonObject:
    return _asked(clients, letter, lambda client: client.find(_path(letter)))


def replay_letter(clients: Mapping[str, AgentClient], letter: str) -> JsonObject:
    """`execution_id` of the execution that does it again, and the agent. Asked twice, it is the same one."""
    return _settled(clients, letter, "replay", {})


def drop_letter(clients: Mapping[str, AgentClient], letter: str, reason: str) -> JsonObject:
    return _settled(clients, letter, "drop", {"reason": reason})


def can_be_replayed(letter: JsonObject) -> bool:
    """False when the original is not whole, or was no work. Agents of the version before do not tell."""
    return bool(letter.get("replayable", True))


def _asked(
    clients: Mapping[str, AgentClient], letter: str, question: Callable[[AgentClient], JsonObject | None]
) -> JsonObject:
    hint = "`agents dead-letters list --state all` shows those there are"
    agent, answer = first_known(clients, question, f"the dead letter {letter}", hint)
    return {"agent": agent, **answer}


def _settled(clients: Mapping[str, AgentClient], letter: str, act: str, body: JsonObject) -> JsonObject:
    """Told to the agent whose letter it is: with any other one it would be a failed act in the audit trail."""
    if len(clients) > 1:
        owner = read_letter(clients, letter)["agent"]
        clients = {owner: clients[owner]}
    return _asked(clients, letter, lambda client: _told(client, f"{_path(letter)}/{act}", body))


def _told(client: AgentClient, path: str, body: JsonObject) -> JsonObject | None:
    try:
        answer: JsonObject = client.call("POST", path, body).document
    except Refusal as refusal:
        if refusal.status == 404:
            return None
        raise
    return answer


def _path(letter: str) -> str:
    return f"/dead-letters/{quote(letter, safe='')}"


def _last_seen(letter: JsonObject) -> float:
    moment = moment_of(letter["last_seen"])
    return moment.timestamp() if moment else 0.0
