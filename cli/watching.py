"""The event streams of all agents and their replicas, merged: what each received and published lately, then what comes."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cli.client import AgentClient
from cli.errors import CommandError
from domain.json import JsonObject

QUIET = 0.4
"""Seconds of silence on open streams after which the kept entries are taken for complete: they come in one go."""
RECONNECT = 1.0


@dataclass(frozen=True)
class Seen:
    """An entry of an agent's journal, or (`problem`) that its stream is broken."""

    agent: str
    replica: str
    entry: JsonObject
    problem: CommandError | None = None


class Watch:
    """One thread per replica of an agent reads its stream; they end with the process."""

    def __init__(self, clients: Sequence[AgentClient], *, follow: bool) -> None:
        self._queue: queue.Queue[Seen | None] = (
            queue.Queue()
        )  # None: a stream is open, or has failed for the first time
        self._follow = follow
        self._clients = clients
        for client in clients:
            threading.Thread(target=self._read, args=(client,), daemon=True).start()

    def kept(self) -> list[Seen]:
        """What the agents noted until now, sorted by time; problems first."""
        began = time.time()
        seen: list[Seen] = []
        awaited = len(self._clients)
        while True:
            try:
                # Connecting has its own time limit, so an unopened stream is worth waiting for.
                one = self._queue.get(timeout=QUIET if awaited <= 0 else None)
            except queue.Empty:
                break
            if one is None:
                awaited -= 1
            else:
                seen.append(one)
            if awaited <= 0 and time.time() - began > 10 * QUIET and self._queue.empty():
                break  # a busy system is never silent: by now the kept ones have long come
        return sorted(seen, key=lambda one: str(one.entry.get("at", "")))

    def coming(self) -> Iterator[Seen]:
        """What the agents note from now on."""
        while True:
            one = self._queue.get()
            if one is not None:
                yield one

    def _read(self, client: AgentClient) -> None:
        latest, announced, down = "", False, False
        while True:
            try:
                for name, entry in client.stream("GET", "/events/stream"):
                    if name == "open":
                        down = False
                        if not announced:
                            announced = True
                            self._queue.put(None)
                    # Opened again, a stream begins with what was seen before it broke.
                    elif str(entry["at"]) > latest:
                        latest = str(entry["at"])
                        self._queue.put(Seen(client.name, client.replica, entry))
            except CommandError as problem:
                if not down:
                    self._queue.put(Seen(client.name, client.replica, {}, problem))
                    down = True
            if not announced:
                announced = True
                self._queue.put(None)
            if not self._follow:
                return
            time.sleep(RECONNECT)
