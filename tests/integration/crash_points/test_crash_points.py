"""The process ends itself at every point of the life cycle, against real daprd, with its documents in Redis or in
PostgreSQL; the next one goes on.

What was published is read from the broker's streams, what ran is counted by a ledger outside, what was changed is asked
over HTTP: the records of the life cycle decide nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from cli.local.redis import Redis as Client
from tests.stand_ins.openai_server import KEY, MODEL
from tests.support.agent_process import model_server
from tests.support.postgres import Postgres, on_postgres
from tests.support.processes import Daprd, Redis, daprd

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]
SIDE_BY_SIDE = 5
EXIT = 9
PATIENCE = 240
"""Seconds; all of it is over in one minute where nothing else runs."""

Sidecars: TypeAlias = Callable[[str, Path], AbstractContextManager[Daprd]]
"""Starts one for an app-id, in a folder."""


@dataclass(frozen=True)
class Point:
    """`runs`: how often the handler may have run; once, when the outcome was recorded before the crash.

    `terminated`: it gets SIGTERM while its handler runs.
    """

    at: str
    runs: int = 2
    word: str = "hello"
    slow: float = 0.0
    over_http: bool = False
    terminated: bool = False


POINTS = {
    "before its claim": Point("before create claim", runs=1),
    "after its claim": Point("after create claim", runs=1),
    "in the handler": Point("handler run", runs=1),
    "after a pulse": Point("after put pulse", slow=1.5),
    "before its outcome": Point("before create execution"),
    "after its outcome": Point("after create execution", runs=1),
    "before its change": Point("before create entity", runs=1),
    "after its change": Point("after create entity", runs=1),
    "before its first event": Point("before publish word.shouted", runs=1),
    "between its two events": Point("after publish word.shouted", runs=1),
    "after its last event": Point("after publish word.echoed", runs=1),
    "before its mark": Point("before put published", runs=1),
    "after its mark": Point("after put published", runs=1),
    "after taking over": Point("after create claim; after swap claim", runs=1),
    "three times in a row": Point(
        "before create execution; before create execution; after create execution", runs=3
    ),
    "after a refused outcome": Point("after create execution", runs=1, word="refused"),
    "between place and page of its dead letter": Point("after create dead-letter", runs=1, word="refused"),
    "after the page of its dead letter": Point("after create dead-letters", runs=1, word="refused"),
    "after telling of its dead letter": Point("after publish dead-letter", runs=1, word="refused"),
    "a request, before the broker has it": Point(
        "before publish execution.requested", runs=1, over_http=True
    ),
    "a request, once the broker has it": Point("after publish execution.requested", runs=1, over_http=True),
    "a request, after its outcome": Point("after create execution", runs=1, over_http=True),
    "before handing back": Point("before swap handed-back", slow=3.0, terminated=True),
    "after handing back": Point("after swap handed-back", slow=3.0, terminated=True),
}


@dataclass
class Seen:
    """What the outside saw: the ledger's runs, distinct (id, content) of each event published, the entity's words."""

    runs: int = 0
    exits: list[int] = field(default_factory=list)
    published: dict[str, Counter[str]] = field(default_factory=dict)
    tally: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=["redis", pytest.param("postgres", marks=pytest.mark.stores)])
def sidecars(request: pytest.FixtureRequest, programs: Programs, redis: Redis) -> Sidecars:
    assert programs.daprd is not None
    if request.param == "redis":
        return partial(_on_redis, programs.daprd, redis)
    return partial(_on_postgres, programs.daprd, redis, request.getfixturevalue("postgres"))


def _on_redis(program: Path, redis: Redis, app_id: str, folder: Path) -> AbstractContextManager[Daprd]:
    return daprd(program, folder, redis.port, app_id=app_id)


def _on_postgres(
    program: Path, redis: Redis, postgres: Postgres, app_id: str, folder: Path
) -> AbstractContextManager[Daprd]:
    return on_postgres(program, folder, redis.port, postgres, app_id=app_id)


@pytest.fixture(scope="module")
def seen(sidecars: Sidecars, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """Every point was crashed at, several at a time: each agent has a sidecar, topics and keys of its own."""
    folder = tmp_path_factory.mktemp("crash-points")
    (folder / "prompts").mkdir()
    with ledger() as (address, runs), model_server() as model, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        crashing = {
            name: pool.submit(Doomed(name, point, folder, sidecars, redis, address, runs, model.url).crash)
            for name, point in POINTS.items()
        }
        return {name: future.result() for name, future in crashing.items()}


@pytest.mark.parametrize("name", POINTS)
def test_work_whose_process_dies_is_neither_lost_nor_doubled(name: str, seen: dict[str, Seen]) -> None:
    point, found = POINTS[name], seen[name]
    lives = point.at.count(";") + 1
    assert found.exits == [EXIT] * lives, "it died at each of its points"
    assert 1 <= found.runs <= point.runs
    if point.word == "refused":
        assert list(found.published) == ["dead-letter"]
        assert len(found.published["dead-letter"]) == 1
        assert len(found.letters) == 1
        assert found.tally == []
    else:
        assert list(found.published) == ["word.shouted", "word.echoed"]
        assert len(found.published["word.shouted"]) == 1, "one identity, one content"
        assert len(found.published["word.echoed"]) == 1
        assert found.tally == ["HELLO"]
    assert max(max(events.values()) for events in found.published.values()) <= 2


class Doomed:
    """One agent, started again whenever it ends itself."""

    def __init__(
        self, name: str, point: Point, folder: Path, sidecars: Sidecars, redis: Redis, address: str,
        runs: Counter[str], model: str,
    ) -> None:  # fmt: skip
        self._agent = f"crash{list(POINTS).index(name)}"
        self._point, self._sidecars, self._redis, self._runs = point, sidecars, redis, runs
        self._log = folder / f"{self._agent}.log"
        (self._port,) = free_ports(1)
        self._folder = folder / self._agent
        self._folder.mkdir()
        self._env = {
            **{key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
            "PYTHONPATH": str(ROOT),
            "APP_PORT": str(self._port),
            "LLM_PROVIDER": "openai",
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": KEY,
            "OPENAI_MODEL": MODEL,
            "AGENTS_PROMPTS": str(folder / "prompts"),
            "AGENTS_GRACE": "0.2",
            "CRASH_NAME": self._agent,
            "CRASH_AT": point.at,
            "CRASH_LIVES": str(folder / f"{self._agent}.lives"),
            "LEDGER": address,
        }

    def crash(self) -> Seen:
        with self._sidecars(self._agent, self._folder) as sidecar:
            self._env["DAPR_GRPC_PORT"] = str(sidecar.grpc_port)
            return self._crash()

    def _crash(self) -> Seen:
        found = Seen()
        app = self._start()
        try:
            self._give()
            deadline = time.monotonic() + PATIENCE
            if self._point.terminated:
                while not self._runs[self._agent]:
                    assert time.monotonic() < deadline, f"it does not run:\n{self._log.read_text()[-3000:]}"
                    time.sleep(0.05)
                app.send_signal(signal.SIGTERM)
            while not self._done(found):
                assert time.monotonic() < deadline, f"it is not done:\n{self._log.read_text()[-3000:]}"
                if app.poll() is not None:
                    assert app.returncode in {0, EXIT}, self._log.read_text()[-3000:]
                    found.exits.append(app.returncode)
                    app = self._start()
                    if self._point.over_http:
                        self._give()  # a caller without an answer asks again, with the same key
                time.sleep(0.1)
            time.sleep(1)  # for what would come twice
            self._look(found)
        finally:
            app.terminate()
            with suppress(subprocess.TimeoutExpired):
                app.wait(60)
            app.kill()
            app.wait()
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            app = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.crash_points.doomed"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, env=self._env,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while app.poll() is None and not self._ready():
            if time.monotonic() > deadline:
                app.kill()
                app.wait()
                raise AssertionError(f"it does not start:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.05)
        return app

    def _ready(self) -> bool:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=2) as page,
        ):
            return bool(page.status == 200)
        return False

    def _give(self) -> None:
        word = {"word": self._point.word, "slow": self._point.slow}
        if not self._point.over_http:
            event = {
                "specversion": "1.0",
                "id": "1",
                "source": "/tests",
                "type": self._topic("word.said"),
                "data": word,
            }
            with Client("127.0.0.1", self._redis.port) as client:
                client.ask("XADD", self._topic("word.said"), "*", "data", json.dumps(event))
            return
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/{self._agent}/shout",
            json.dumps(word).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": "k"},
        )
        with suppress(OSError, ValueError):
            urllib.request.urlopen(request, timeout=20).read()  # noqa: S310  # our own loopback address

    def _done(self, found: Seen) -> bool:
        """Its last event is out and every message answered."""
        self._look(found)
        last = "dead-letter" if self._point.word == "refused" else "word.echoed"
        lives = self._point.at.count(";") + 1
        return last in found.published and len(found.exits) >= lives and self._pending() == 0

    def _pending(self) -> int:
        topic = self._topic("execution.requested" if self._point.over_http else "word.said")
        with Client("127.0.0.1", self._redis.port) as client:
            (group,) = client.ask("XINFO", "GROUPS", topic)
            fields = dict(zip(group[::2], group[1::2], strict=True))
        return int(fields["pending"])

    def _look(self, found: Seen) -> None:
        found.published = {}
        with Client("127.0.0.1", self._redis.port) as client:
            for place in ("word.shouted", "word.echoed", "dead-letter"):
                for _, fields in client.ask("XRANGE", self._topic(place), "-", "+"):
                    event = json.loads(dict(zip(fields[::2], fields[1::2], strict=True))["data"])
                    content = json.dumps([event["id"], event["data"]], sort_keys=True)
                    found.published.setdefault(place, Counter())[content] += 1
                    found.runs = self._runs[
                        event["correlationid"]
                    ]  # nobody gave one: the root execution's id
        tally = self._get(f"/entities/tally/{self._agent}")
        found.tally = tally["words"] if tally else []
        letters = self._get("/dead-letters")
        found.letters = [letter["id"] for letter in letters["dead_letters"]] if letters else []

    def _get(self, path: str) -> Any:
        with (
            suppress(OSError),
            urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}/api/{self._agent}{path}", timeout=5
            ) as page,
        ):
            return json.load(page)
        return None

    def _topic(self, place: str) -> str:
        return f"agents.{self._agent}.{place}"


@contextmanager
def ledger() -> Iterator[tuple[str, Counter[str]]]:
    """Counts the runs that handlers tell it, by agent and by execution."""
    runs: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            runs.update(self.path.split("/")[1:])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", runs
    server.shutdown()
    thread.join()
    server.server_close()
