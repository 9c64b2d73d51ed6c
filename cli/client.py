"""The agents' HTTP API as the commands use it: where each agent listens, one call, one stream.

On the standard library: `http.client` knows no proxies, follows no redirects and is imported in milliseconds.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic_core import from_json

from cli.addresses import Addresses
from cli.credentials import credentials
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance, find_instance
from cli.local.manifest import read_manifest, shifted
from cli.nearest import nearest
from cli.refusals import Command, Interrupted, Refusal, Unreachable
from domain.json import JsonObject, dump

PATIENCE = 5.0
"""Seconds for an answer that needs no model."""

TURN, PAUSE = 30.0, 0.25
"""Seconds that a caller waits for a turn at most, and between two tries (AGENTS_RATE_LIMIT)."""

SILENCE = 60.0
"""Seconds after which a silent stream is dead: the agents send a comment every 15 s."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    document: Any


class AgentClient:
    """One agent's API. Every call has a connection of its own: none is found broken after a restart.

    Where a replica does not answer, the next one is asked.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str],
        command: Command,
        replicas: Callable[[], Mapping[str, str]] = dict,
        replica: str | None = None,
    ) -> None:
        """`headers` say who asks (`credentials`). `command` is how to type `agents VERB` for the copy
        of the platform that is meant; `replicas` gives the addresses of all replicas by name, and `replica` is the name of
        the one that is meant alone.
        """
        self.name = name
        self.replica = replica or name
        self.url = url.rstrip("/")
        self._answering = self.url
        self._headers = headers
        self._command = command
        self._replicas = replicas

    def replicas(self) -> list["AgentClient"]:
        """A client for each replica, which asks no other."""
        known = self._replicas() or {self.replica: self.url}
        return [
            AgentClient(self.name, url, headers=self._headers, command=self._command, replica=replica)
            for replica, url in known.items()
        ]

    def tasks(self) -> list[JsonObject]:
        tasks: list[JsonObject] = self.get("/tasks")["tasks"]
        return tasks

    def execution(self, execution_id: str) -> JsonObject | None:
        """The record as far as there is one."""
        return self.find(f"/executions/{quote(execution_id, safe='')}")

    def correlated(self, correlation_id: str) -> list[str]:
        """Ids of this agent's executions that brought a correlation id in."""
        found = self.find(f"/correlations/{quote(correlation_id, safe='')}")
        return list(found["executions"]) if found else []

    def get(self, path: str) -> Any:
        return self.call("GET", path).document

    def find(self, path: str) -> JsonObject | None:
        """As `get`; None where there is no such thing."""
        try:
            found: JsonObject = self.get(path)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise
        return found

    def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
        patience: float | None = PATIENCE,
    ) -> Answer:
        """One request below `/api/<agent>`.

        Who asks too often waits for their turn.

        Raises:
            Unreachable, Interrupted, Refusal

        """
        deadline = time.monotonic() + TURN
        while True:
            try:
                return self._call_any(method, path, body, headers, patience=patience)
            except Refusal as refusal:
                if refusal.refused != "too_many_requests" or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _call_any(
        self,
        method: str,
        path: str,
        body: JsonObject | None,
        headers: Mapping[str, str] | None,
        *,
        patience: float | None,
    ) -> Answer:
        problem: CommandError | None = None
        for url in self._urls():
            try:
                answer = self._call(url, method, path, body, headers, patience=patience)
            except CommandError as found:
                if not _goes_on(method, found):
                    raise
                problem = problem or found
            else:
                self._answering = url
                return answer
        assert problem is not None  # noqa: S101  # there is one address at least
        raise problem

    def _call(
        self,
        url: str,
        method: str,
        path: str,
        body: JsonObject | None,
        headers: Mapping[str, str] | None,
        *,
        patience: float | None,
    ) -> Answer:
        with self._answered(url, method, path, body, headers, patience=patience) as response:
            try:
                raw = response.read()
                document = from_json(raw)
            except (OSError, HTTPException) as error:
                raise self._interrupted(url, error) from None
            except ValueError:
                raise CommandError(
                    f"what answers at {url} is no agent: {response.status} {response.reason}",
                    hint="`agents doctor` says who holds the port",
                ) from None
            if response.status >= 400:
                raise self._refused(response.status, document)
            return Answer(response.status, dict(response.headers.items()), document)

    def stream(
        self, method: str, path: str, body: JsonObject | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[tuple[str, JsonObject]]:
        """Server-sent events as (name, data), until the other side ends them. Raises as `call`."""
        problem: Unreachable | None = None
        for url in self._urls():
            try:
                yield from self._stream(url, method, path, body, headers)
            except Unreachable as found:
                problem = problem or found
            else:
                return
        assert problem is not None  # noqa: S101  # there is one address at least
        raise problem

    def _stream(
        self, url: str, method: str, path: str, body: JsonObject | None, headers: Mapping[str, str] | None
    ) -> Iterator[tuple[str, JsonObject]]:
        with self._answered(url, method, path, body, headers, patience=PATIENCE, then=SILENCE) as response:
            if response.status >= 400:
                raise self._refused(response.status, from_json(response.read()))
            yield "open", {}
            try:
                yield from _events(response)
            except (OSError, HTTPException) as error:
                raise self._interrupted(url, error) from None

    def _urls(self) -> Iterator[str]:
        """The address that answered last, then the others; they are looked for when they are needed."""
        first = self._answering
        yield first
        yield from (url for url in dict.fromkeys([self.url, *self._replicas().values()]) if url != first)

    @contextmanager
    def _answered(
        self,
        url: str,
        method: str,
        path: str,
        body: JsonObject | None,
        headers: Mapping[str, str] | None,
        *,
        patience: float | None,
        then: float | None = None,
    ) -> Iterator[HTTPResponse]:
        """The response once its headers are there; `patience` is for those, `then` for each read of the body."""
        split = urlsplit(url)
        kind = HTTPSConnection if split.scheme == "https" else HTTPConnection
        connection = kind(split.hostname or "", split.port, timeout=PATIENCE)
        sent = {"Accept": "application/json, text/event-stream", **(headers or {}), **self._headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            try:
                connection.connect()
            except OSError as error:
                hint = f"start the agents: {self._command('up')}"
                raise Unreachable(self.replica, url, _reason(error), hint) from None
            connection.sock.settimeout(patience)
            try:
                target = f"{split.path}/api/{self.name}{path}"
                connection.request(method, target, None if body is None else dump(body), sent)
                sock = connection.sock
                response = connection.getresponse()
                sock.settimeout(then or patience)
            except (OSError, HTTPException) as error:
                raise self._interrupted(url, error) from None
            yield response
        finally:
            connection.close()

    def refusal(self, error: JsonObject, status: int | None = None) -> Refusal:
        """The agent's documented error; in a stream it comes without a status."""
        return Refusal(error, status, self._command)

    def _refused(self, status: int, document: Any) -> Refusal:
        error = document.get("error") if isinstance(document, dict) else None
        if not isinstance(error, dict):
            error = {"code": "unknown", "message": f"HTTP {status}: {str(document)[:200]}"}
        return self.refusal(error, status)

    def _interrupted(self, url: str, error: Exception) -> Interrupted:
        return Interrupted(
            f"{self.replica} at {url} did not answer to the end: {_reason(error)}",
            hint=f"more from: {self._command('status')}, {self._command('logs')}",
        )


def agent_clients(instance: Instance | None = None) -> dict[str, AgentClient]:
    """The agents of dapr.yaml by name; AGENTS_URL_<AGENT> says where one is that listens elsewhere."""
    instance = instance or find_instance()
    env = instance.environment
    headers = credentials(env)
    clients = {}
    addresses = Addresses(instance)
    for app in read_manifest(instance.manifest):
        variable = f"AGENTS_URL_{app.app_id.upper().replace('-', '_')}"
        elsewhere = env.get(variable)
        url = elsewhere or f"http://127.0.0.1:{shifted(app, instance.offset).app_port}"
        if not re.fullmatch(r"https?://[^/\s:]+(:\d{1,5})?(/[^\s?#]*)?", url):
            raise CommandError(
                f"{variable} is {url!r}, not an http:// or https:// address", code=ExitCode.INVALID
            )
        clients[app.app_id] = AgentClient(
            app.app_id,
            url,
            headers=headers,
            command=instance.command,
            replicas=dict if elsewhere else partial(addresses.of, app.app_id),
        )
    return clients


def chosen(clients: Mapping[str, AgentClient], names: tuple[str, ...]) -> dict[str, AgentClient]:
    """The clients meant by names, all when there are none; CommandError for a name that is no agent's."""
    for name in names:
        if name not in clients:
            raise CommandError(
                f"there is no agent {name!r}", hint=nearest(name, clients), code=ExitCode.NOT_FOUND
            )
    return {name: clients[name] for name in names or clients}


def nothing_answers(problems: list[CommandError]) -> CommandError:
    """The one error to show when every agent that was asked failed: what one of them says, when one says anything."""
    said = [problem for problem in problems if isinstance(problem, Refusal)]
    if said or len(problems) == 1:
        return (said or problems)[0]
    return CommandError("no agent answers", hint=problems[0].hint, code=problems[0].code)


def _goes_on(method: str, problem: CommandError) -> bool:
    """Whether another replica may be asked: nothing was sent yet, or nothing but a question, and this one cannot answer."""
    if isinstance(problem, Refusal):
        return method == "GET" and problem.status == HTTPStatus.SERVICE_UNAVAILABLE
    return isinstance(problem, Unreachable) or (method == "GET" and isinstance(problem, Interrupted))


def _events(response: HTTPResponse) -> Iterator[tuple[str, JsonObject]]:
    name, data = "message", b""
    for raw in response:
        line = raw.rstrip(b"\r\n")
        if line.startswith(b"event:"):
            name = line[6:].strip().decode(errors="replace")
        elif line.startswith(b"data:"):
            data += line[5:].strip()
        elif not line and data:
            yield name, from_json(data)
            name, data = "message", b""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
