"""What callers log in with changes while they call: the agent runs on, takes the old and the new, then the new alone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Self

import pytest

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from infrastructure.identity.keys import new_key
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.issuer import AUDIENCE, LocalIssuer, local_issuer, rsa_key
from tests.support.processes import daprd, redis_server
from tests.support.raw_http import get
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


class Caller:
    """Calls without end, with whatever `credential` is by then, and counts the answers."""

    def __init__(self, port: int, credential: str) -> None:
        self.credential = credential
        self.answers: Counter[int] = Counter()
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def goes_on(self) -> None:
        """Until it has had some more answers."""
        wanted = self.answers.total() + 10
        eventually(lambda: self.answers.total() >= wanted)

    def _call(self) -> None:
        while not self._over.wait(0.05):
            self.answers[status(self._port, self.credential)] += 1


def status(port: int, credential: str) -> int:
    answer = get(port, "/api/service-desk/tasks", f"Authorization: Bearer {credential}")
    return answer.status if answer else 0


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys.yaml"
    file.write_text("keys: []\n")
    return file


@pytest.fixture(scope="module")
def desk(
    programs: Programs, issuer: LocalIssuer, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("callers")
    assert programs.redis_server is not None
    assert programs.daprd is not None
    env = {
        "AGENTS_OIDC_ISSUER": issuer.url,
        "AGENTS_OIDC_AUDIENCE": AUDIENCE,
        "AGENTS_API_KEYS": str(keys),
        "AGENTS_RATE_LIMIT": "0",
    }
    (port,) = free_ports(1)
    with (
        redis_server(programs.redis_server, folder) as redis,
        daprd(programs.daprd, folder, redis.port, app_id="service-desk") as sidecar,
        model_server() as model,
        agent_process("agents.service_desk:AGENT", folder, sidecar, model.url, env, port=port) as running,
    ):
        yield running


def put(file: Path, *made: tuple[str, str]) -> None:
    """At once, as a mounted Secret changes: nobody reads half a file."""
    lines = [
        f'  - {{id: "{key_id}", sha256: "{sha256(key.encode()).hexdigest()}", roles: [Agents.Viewer]}}'
        for key_id, key in made
    ]
    new = file.with_suffix(".new")
    new.write_text("\n".join(["keys:", *lines, ""]))
    new.replace(file)


def test_an_api_key_changes_without_a_restart_and_without_a_refusal(desk: AgentProcess, keys: Path) -> None:
    old, new = new_key(), new_key()
    put(keys, old)
    eventually(lambda: status(desk.port, old[1]) == 200)
    with Caller(desk.port, old[1]) as caller:
        put(keys, old, new)
        eventually(lambda: status(desk.port, new[1]) == 200)
        caller.credential = new[1]
        caller.goes_on()
        put(keys, new)
        eventually(lambda: status(desk.port, old[1]) == 401)
        caller.goes_on()
    assert set(caller.answers) == {200}


def test_an_issuer_s_next_key_is_taken_when_it_signs_first_and_the_old_one_beside_it(
    desk: AgentProcess, issuer: LocalIssuer
) -> None:
    with (
        Caller(desk.port, issuer.token("Agents.Viewer")) as caller,
        Caller(desk.port, caller.credential) as late,
    ):
        caller.goes_on()
        issuer.keys = issuer.keys | {"next": rsa_key(7)}
        fresh = issuer.token("Agents.Viewer", kid="next")
        # Whoever is among the first to show it may be told to come again: keys are asked for once in 10 s at most.
        eventually(lambda: status(desk.port, fresh) == 200)
        caller.credential = fresh
        caller.goes_on()
        late.goes_on()
    assert (set(caller.answers), set(late.answers)) == ({200}, {200})
