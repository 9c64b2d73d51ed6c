"""Two replicas of one agent, each with its own sidecar, under load; every secret of theirs can be changed, one replica at a time.

What came through is said by the outside world of the fault suite: a model, and a tail of the broker.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from redis import Redis as Client

from cli.local.ports import free_ports
from cli.local.provision.run import Programs
from tests.faults.components.redis import PORT
from tests.faults.load import spec_event
from tests.faults.outside.chains import RECORDED_BY, SPEC
from tests.faults.outside.client import OutsideWorld, outside_world
from tests.faults.regions import Region
from tests.stand_ins.azure_openai import API_VERSION, AZURE_KEY, DEPLOYMENT
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.processes import COMPONENTS, Daprd, daprd, redis_server
from tests.support.waiting import eventually

REPLICAS = 2
CODE = RECORDED_BY["generate_code"]
PAUSE = 0.1
"""Seconds between two events of the load."""
BETWEEN = 5
"""Events that come through before the next replica is touched."""
USER = "agents"


@dataclass(frozen=True)
class Secrets:
    """What one replica, app and sidecar, starts with."""

    dapr: str = "dapr-token-1"
    app: str = "app-token-1"
    redis: str = "redis-password-1"
    model: str = AZURE_KEY

    @property
    def of_app(self) -> dict[str, str]:
        return {
            "DAPR_API_TOKEN": self.dapr,
            "APP_API_TOKEN": self.app,
            "AZURE_OPENAI_API_KEY": self.model,
        }

    @property
    def of_sidecar(self) -> dict[str, str]:
        return {
            "DAPR_API_TOKEN": self.dapr,
            "APP_API_TOKEN": self.app,
            "AGENTS_SECRET_REDIS_PASSWORD": self.redis,
        }


class Replica:
    """App and sidecar, as a pod: what they start with stays until they are started again."""

    def __init__(self, program: Path, folder: Path, redis: int, components: Path, model: Region) -> None:
        folder.mkdir()
        self._program, self._folder, self._redis, self._components = program, folder, redis, components
        self._model = model
        self._stack = ExitStack()

    def start(self, secrets: Secrets) -> None:
        (port,) = free_ports(1)
        self.sidecar: Daprd = self._stack.enter_context(
            daprd(
                self._program, self._folder, self._redis, app_id="implementation", app_port=port,
                env=secrets.of_sidecar, components=self._components,
            )
        )  # fmt: skip
        env = {
            "LLM_PROVIDER": "azure-openai",
            "AZURE_OPENAI_ENDPOINT": self._model.endpoint,
            "AZURE_OPENAI_DEPLOYMENT": DEPLOYMENT,
            "AZURE_OPENAI_API_VERSION": API_VERSION,
            **secrets.of_app,
        }
        self.app: AgentProcess = self._stack.enter_context(
            agent_process("agents.implementation:AGENT", self._folder, self.sidecar, "", env, port=port)
        )

    def end(self) -> None:
        """The app first, by SIGTERM, then its sidecar."""
        self._stack.close()


class Load:
    """Events put into the broker until the block ends; then they are counted."""

    def __init__(self, redis: int, outside: OutsideWorld) -> None:
        self._client, self._outside = Client(port=redis), outside
        self.run = f"rotation.{uuid4().hex[:6]}"
        self.markers: list[str] = []
        self._over = threading.Event()

    def publish(self) -> None:
        while not self._over.wait(PAUSE):
            marker = f"{self.run}.{len(self.markers):06}"
            self._client.xadd(SPEC, {"data": spec_event(marker)})
            self.markers.append(marker)

    def end(self) -> None:
        self._over.set()

    def through(self) -> int:
        return sum(CODE in seen for seen in self._outside.steps(self.run).values())

    def flows_on(self) -> None:
        """Until some more of it has come through."""
        wanted = self.through() + BETWEEN
        eventually(lambda: self.through() >= wanted)

    def count(self) -> None:
        """Nothing is missing, nothing is there twice, and nothing failed."""
        eventually(lambda: self.through() >= len(self.markers))
        seen = self._outside.figures(self.run, 0.0)
        assert (seen["doubles"], seen["dead_letters"]) == (0, {}), seen["doubled"]


class System:
    def __init__(self, redis: int, model: Region, outside: OutsideWorld, replicas: list[Replica]) -> None:
        self.redis, self.model, self._outside, self.replicas = Client(port=redis), model, outside, replicas
        self._port = redis
        self.secrets = Secrets()

    @contextmanager
    def load(self) -> Iterator[Load]:
        load = Load(self._port, self._outside)
        thread = threading.Thread(target=load.publish)
        thread.start()
        try:
            load.flows_on()
            yield load
            load.flows_on()
        finally:
            load.end()
            thread.join()
        load.count()

    def change(self, load: Load, **secrets: str) -> None:
        """Restart one replica after the other with these instead, while work comes through."""
        self.secrets = replace(self.secrets, **secrets)
        for replica in self.replicas:
            replica.end()
            load.flows_on()
            replica.start(self.secrets)
            load.flows_on()


@contextmanager
def system(programs: Programs, folder: Path) -> Iterator[System]:
    assert programs.redis_server is not None
    assert programs.daprd is not None
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(programs.redis_server, folder)).port
        passwords(Client(port=redis), Secrets.redis)
        outside = stack.enter_context(outside_world("redis", redis - PORT, seed=1))
        model = Region("west", free_ports(1)[0], outside.base)
        stack.callback(model.kill)
        components = _components(folder / "with-password")
        replicas = [
            Replica(programs.daprd, folder / str(number), redis, components, model)
            for number in range(REPLICAS)
        ]
        running = System(redis, model, outside, replicas)
        for replica in replicas:
            stack.callback(replica.end)
            replica.start(running.secrets)
        yield running


def passwords(redis: Client, *known: str) -> None:
    """The agents' user has these, and no other; connections that are there stay, as in Redis they do."""
    redis.acl_setuser(
        USER, enabled=True, reset_passwords=True, passwords=[f"+{password}" for password in known],
        keys=["*"], channels=["*"], categories=["+@all"],
    )  # fmt: skip


def _components(folder: Path) -> Path:
    """The shipped ones, with a user of Redis whose password the sidecar takes from its secret store."""
    folder.mkdir()
    for file in COMPONENTS.glob("*.yaml"):
        document: dict[str, Any] = yaml.safe_load(file.read_text())
        if document["spec"].get("type", "").endswith(".redis"):
            document["spec"]["metadata"] += [
                {"name": "redisUsername", "value": USER},
                {
                    "name": "redisPassword",
                    "secretKeyRef": {"name": "REDIS_PASSWORD", "key": "REDIS_PASSWORD"},
                },
            ]
            document["auth"] = {"secretStore": "agents-secrets"}
        (folder / file.name).write_text(yaml.safe_dump(document))
    return folder
