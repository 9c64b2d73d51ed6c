"""`dapr run -f .` alone, for people who have Dapr and Redis: the CLI starts the same five agents from the same dapr.yaml; and
from those on stand-ins and PostgreSQL.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import yaml

from cli.local.provision.run import Programs
from tests.e2e.conftest import ON
from tests.e2e.stand_ins import StandIns
from tests.e2e.system import System
from tests.integration.local.project import ROOT
from tests.support import azure, postgres
from tests.support.postgres import Postgres
from tests.support.processes import COMPONENTS, Redis
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PORTS = ("appPort", "daprHTTPPort", "daprGRPCPort", "metricsPort", "daprInternalGRPCPort")


@dataclass(frozen=True)
class Shipped:
    """A manifest, its components, and where the addresses in them are now."""

    manifest: str
    components: Path
    addresses: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(params=ON)
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shipped]:
    if request.param == "redis":
        redis: Redis = request.getfixturevalue("own_redis")
        yield Shipped("dapr.yaml", COMPONENTS, {"127.0.0.1:6379": f"127.0.0.1:{redis.port}"})
        return
    if request.param == "postgres":
        redis = request.getfixturevalue("own_redis")
        server: Postgres = request.getfixturevalue("postgres")
        addresses = {"127.0.0.1:6379": f"127.0.0.1:{redis.port}"}
        environment = {"AGENTS_POSTGRES": server.connection}
        yield Shipped("dapr.postgres.yaml", postgres.COMPONENTS, addresses, environment)
        return
    topics = json.loads((azure.COMPONENTS / "servicebus.json").read_text())["topics"]
    receivers = {topic: list(settings["subscriptions"]) for topic, settings in topics.items()}
    with azure.service_bus(tmp_path, receivers) as bus, azure.cosmos(tmp_path) as store:
        ports = {"127.0.0.1:3900": f"127.0.0.1:{bus.port}", "127.0.0.1:3902": f"127.0.0.1:{store.port}"}
        yield Shipped("dapr.azure-stand-ins.yaml", azure.COMPONENTS, ports)


def shifted(folder: Path, shipped: Shipped, offset: int) -> Path:
    """A manifest and its components for other ports, nothing else changed but the control plane, which runs need not have."""
    components = folder / "components"
    components.mkdir()
    for file in shipped.components.glob("*.yaml"):
        text = file.read_text()
        for before, after in shipped.addresses.items():
            text = text.replace(before, after)
        (components / file.name).write_text(text)
    manifest = yaml.safe_load((ROOT / shipped.manifest).read_text())
    manifest["common"] |= {
        "resourcesPaths": [str(components)],
        "configFilePath": str(components / "config.yaml"),
        "placementHostAddress": "",
        "schedulerHostAddress": " ",
    }
    for app in manifest["apps"]:
        app |= {name: app[name] + offset for name in PORTS}
        app["appDirPath"] = str(ROOT)
    file = folder / shipped.manifest
    file.write_text(yaml.safe_dump(manifest))
    return file


def test_dapr_run_starts_five_agents_that_do_a_job_together(
    programs: Programs, shipped: Shipped, outside: StandIns, tmp_path: Path
) -> None:
    assert programs.dapr_cli is not None
    assert programs.daprd is not None
    system = System(tmp_path, **outside.environment, **shipped.environment)
    runtime = tmp_path / "runtime" / ".dapr" / "bin"
    runtime.mkdir(parents=True)
    (runtime / "daprd").symlink_to(programs.daprd)
    manifest = shifted(tmp_path, shipped, system.offset)
    environment = {**system.env, "DAPR_RUNTIME_PATH": str(tmp_path / "runtime"), "HOME": str(tmp_path)}
    log = tmp_path / "dapr-run.log"
    with log.open("wb") as output:
        run = subprocess.Popen(
            [programs.dapr_cli, "run", "-f", manifest],
            cwd=ROOT, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        for agent in system.apps:
            eventually(partial(_ready, system.url(agent, "/readyz")), 120)
        name = f"dapr-run-{os.getpid()}"
        status, _ = system.post(
            "test-planning",
            "generate-spec",
            {"feature_title": "By dapr run", "description": "Anything."},
            {"X-Correlation-ID": name},
        )
        assert status == 200
        eventually(lambda: outside.posts_of(name), 120)
    finally:
        run.terminate()
        run.wait(60)
    assert len(outside.posts_of(name)) == 1


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # our own loopback address
            return bool(answer.status == 200)
    except OSError:
        return False
