"""The system under attack: what `agents up` starts from the shipped dapr.yaml and components, with replicas."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from cli.errors import CommandError
from cli.local import control
from cli.local.components import VARIABLE
from cli.local.instance import MANIFEST, Instance
from cli.local.manifest import read_manifest
from cli.local.replicas import STEP
from tests.e2e.system import System
from tests.faults.components import Components
from tests.integration.local.project import ROOT

AGENTS = ("notification", "implementation")
"""Those that a chain passes: five agents' worth of processes would only take their share of the machine."""
REPLICAS = {"implementation": 3, "notification": 2}
RELEASES, OLDER, NEWER = "tests.faults.releases", "older", "newer"
PASSING = ("AGENTS_NOTIFICATION", "AGENTS_MODELS")
"""Variables of one start that the next one must not find."""
PROXY_STEP = 60
"""Between a sidecar's gRPC port and the proxy before it."""


@dataclass(frozen=True)
class Options:
    """What a row wants of the start. `wrapped`: every app reaches its sidecar through a TCP proxy of ours, and the first
    notification has a wall clock of its own (libfaketime). `releases`: implementation is one of `tests/faults/releases`,
    the older one until `install` says otherwise. `regions`: the model is in two regions of Azure OpenAI.
    """

    delivery: str = "stream"
    freeze_detection: bool = True
    channel: str = "webhook"
    wrapped: bool = False
    releases: bool = False
    regions: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AGENTS_DELIVERY": self.delivery,
            "AGENTS_FREEZE_DETECTION": "on" if self.freeze_detection else "off",
        }


class FaultSystem:
    """One folder and one set of ports for a whole run, started again with other options as rows want it."""

    def __init__(self, folder: Path, components: Components, environment: Mapping[str, str]) -> None:
        self.components = components
        self.project = folder / "project"
        self.clock = folder / "clock"
        self._releases = folder / "releases"
        self._system = System(folder / "run", self.project)
        self._system.env |= {
            **environment,
            "PYTHONPATH": str(ROOT),
            VARIABLE: components.name,
            "AGENTS_REPLICAS": ",".join(f"{agent}={count}" for agent, count in REPLICAS.items()),
        }
        self._instance = Instance(self.project, folder / "run", self._system.offset, self._system.env)
        self.kills: Counter[str] = Counter()
        """Signals of ours that end a process, by its name."""
        components.prepare(self.project, AGENTS)

    @property
    def offset(self) -> int:
        return self._system.offset

    def up(self, options: Options, environment: Mapping[str, str]) -> None:
        self.clock.write_text("+0\n")
        shutil.rmtree(self._releases, ignore_errors=True)
        self._releases.mkdir()
        for name in {MANIFEST, self.components.manifest}:
            (self.project / name).write_text(yaml.safe_dump(self._manifest(name, options)))
        for name in [name for name in self._system.env if name.startswith(PASSING)]:
            del self._system.env[name]
        self._system.env |= {**options.environment, **environment}
        self.kills.clear()
        self._system.up()

    def down(self) -> None:
        self._system.down()

    def restart(self) -> None:
        """`agents down` and `agents up`, as it was."""
        self._system.down()
        self.begin_again()

    def agents(self, *words: str, patience: float = 120) -> dict[str, Any]:
        """What a command says with --json."""
        said: dict[str, Any] = self._system.answer(*words, timeout=patience)
        return said

    def destroy(self, *, data: bool) -> None:
        """The machine dies: SIGKILL of the supervisor and all it started, at once; with its disk, where the data are."""
        pids = [control.running_pid(self._instance), *(one["pid"] for one in self.status().values())]
        for pid in filter(None, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        control.settled_pid(self._instance)
        if data:
            shutil.rmtree(self._instance.run / "redis")

    def begin_again(self, patience: int = 200) -> None:
        """`agents up`, as it was."""
        self.kills.clear()
        self._system.up(patience)

    def install(self, release: str, name: str) -> None:
        """What this replica of implementation runs from its next start on."""
        port = urlsplit(self.status()[name]["address"]).port
        (self._releases / str(port)).write_text(release)

    def status(self) -> dict[str, dict[str, Any]]:
        """By name; empty when nothing runs."""
        with suppress(CommandError):
            return {one["name"]: one for one in control.ask(self._instance, "status")["services"]}
        return {}

    def ready(self) -> bool:
        with suppress(CommandError):
            return bool(control.ask(self._instance, "status")["ready"])
        return False

    def apps(self, agent: str | None = None) -> list[str]:
        """Names of the replicas, of one agent or of all."""
        return [
            name if number == 1 else f"{name}-{number}"
            for name in AGENTS
            if agent in {None, name}
            for number in range(1, REPLICAS[name] + 1)
        ]

    def url(self, name: str, path: str) -> str:
        return f"{self.status()[name]['address']}{path}"

    def expected_grpc_ports(self) -> list[int]:
        """Of every sidecar, before it runs: replicas are ten ports apart."""
        return [
            app.dapr_grpc_port + self._system.offset + STEP * index
            for app in read_manifest(ROOT / "dapr.yaml")
            if app.app_id in AGENTS
            for index in range(REPLICAS[app.app_id])
        ]

    def pid(self, name: str, patience: float = 10) -> int:
        """Of a running process; one that is being restarted is waited for."""
        deadline = time.monotonic() + patience
        while True:
            found = self.status().get(name, {}).get("pid")
            if found:
                return int(found)
            assert time.monotonic() < deadline, f"{name} does not run"
            time.sleep(0.05)

    def signal(self, number: signal.Signals, *names: str) -> list[int]:
        """Signal them all at once; the pids."""
        pids = [self.pid(name) for name in names]
        for name, pid in zip(names, pids, strict=True):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                if number in {signal.SIGKILL, signal.SIGTERM}:
                    self.kills[name] += 1
        return pids

    def programs(self) -> dict[str, str]:
        """Versions of what runs, by the running programs themselves."""
        daprd = Path(f"/proc/{self.pid('notification.daprd')}/exe").readlink()
        said = subprocess.run([daprd, "--version"], capture_output=True, text=True, check=True)
        return {"daprd": said.stdout.strip(), **self.components.versions(self.offset)}

    def died(self, before: Mapping[str, int]) -> dict[str, int]:
        """Which processes ended more often since then than we ended them."""
        return {
            name: extra
            for name, one in self.status().items()
            if (extra := one["restarts"] - before.get(name, 0) - self.kills[name]) > 0
        }

    def last_words(self, lines: int = 30) -> str:
        """What there is to find out why a row failed: the machine's load, who ended how, and the ends of all logs."""
        ended = [
            f"{name}: {one['restarts']} restarts, {one['state']}, last exit: {one['last_exit']}"
            for name, one in self.status().items()
        ]
        logs = [
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
            for log in sorted(self._instance.logs.glob("*.log"))
        ]
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        return "\n".join([f"load of the machine: {load} on {os.cpu_count()} cores", *ended, *logs])

    def _manifest(self, name: str, options: Options) -> dict[str, Any]:
        """The shipped one: fewer agents, run from the checkout by this Python."""
        manifest: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
        manifest["apps"] = [app for app in manifest["apps"] if app["appID"] in AGENTS]
        for app in manifest["apps"]:
            app["appDirPath"] = str(ROOT)
            app["command"][0] = sys.executable
            if options.wrapped:
                app["command"] = ["sh", "-c", self._wrapper(app)]
            if options.releases and app["appID"] == "implementation":
                app["command"] = ["sh", "-c", self._released()]
        return manifest

    def _released(self) -> str:
        """Every replica has a file of its own, by its port, that names what it runs."""
        chosen = f'"{RELEASES}.$(cat {shlex.quote(str(self._releases))}/$APP_PORT 2>/dev/null || echo {OLDER}):AGENT"'
        return f"exec {shlex.quote(sys.executable)} -m infrastructure.host {chosen}"

    def _wrapper(self, app: dict[str, Any]) -> str:
        """Proxy and clock for the app alone: what dapr.yaml gives as `env` would be the same for every replica."""
        lines = [f"export DAPR_GRPC_PORT=$((DAPR_GRPC_PORT + {PROXY_STEP}))"]
        if library := faketime():
            first = 7268 + self._system.offset
            lines.append(
                f'if [ "$APP_PORT" = {first} ]; then export LD_PRELOAD={shlex.quote(str(library))} '
                f"FAKETIME_TIMESTAMP_FILE={shlex.quote(str(self.clock))} "
                "FAKETIME_CACHE_DURATION=1 DONT_FAKE_MONOTONIC=1; fi"
            )
        return "; ".join([*lines, f"exec {shlex.join(app['command'])}"])


def faketime() -> Path | None:
    """The library that gives one process a wall clock of its own: the PyPI package's, a given one, the system's."""
    if given := os.environ.get("FAULTS_LIBFAKETIME"):
        return Path(given)
    package = find_spec("libfaketime")
    folders = (
        [Path(package.origin).parent / "vendor" / "libfaketime" / "src"] if package and package.origin else []
    )
    folders += Path("/usr/lib").glob("*/faketime")
    return next((library for folder in folders for library in folder.glob("libfaketime.so*")), None)
