"""A real PostgreSQL for tests, with data of its own; it can be frozen, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.local.ports import free_ports
from tests.support.processes import Daprd, Process, accepts, daprd, until_ready

COMPONENTS = Path(__file__).parents[2] / "components" / "postgres"


class Postgres:
    """`programs` is the folder with `postgres` and `initdb`. Data and log are in `folder`, which is to be its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self._programs, self._folder, self._data = programs, folder, folder / "postgres"
        words = ["--username=agents", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [*_as_nobody(), programs / "initdb", "-D", self._data, *words], check=True, capture_output=True
        )
        self.process = self._start()

    @property
    def connection(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=agents dbname=postgres sslmode=disable"

    def freeze(self) -> None:
        """All of it: a server that stands still alone would leave its sessions at work."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL of all its processes at once, as when its machine dies."""
        self._signal(signal.SIGKILL)
        self.process.popen.wait()

    def start(self) -> None:
        """After `kill`: until it has recovered."""
        self.process = self._start()

    def stop(self) -> None:
        if self.process.popen.poll() is not None:
            return
        self.thaw()
        self.process.signal(signal.SIGINT)  # sessions are ended, not waited for
        try:
            self.process.popen.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def _start(self) -> Process:
        options = [
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._data}",
            "max_connections=200",
        ]
        argv: list[str | Path] = [*_as_nobody(), self._programs / "postgres", "-D", self._data]
        argv += ["-p", str(self.port), *(word for option in options for word in ("-c", option))]
        log = self._folder / "postgres.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        process = Process(popen, log)
        try:
            until_ready(process, lambda: self._says_ready(popen.pid) and accepts(self.port))
        except BaseException:
            process.kill()
            raise
        return process

    def _says_ready(self, pid: int) -> bool:
        """The file of one that was killed is there, too, until its successor has written its own."""
        with suppress(FileNotFoundError):
            said = (self._data / "postmaster.pid").read_text().split()
            return bool(said) and said[0] == str(pid) and said[-1] == "ready"
        return False

    def _signal(self, number: signal.Signals) -> None:
        """To the server and its sessions. It stands still meanwhile, so that it makes no new ones."""
        server = self.process.popen.pid
        os.kill(server, signal.SIGSTOP)
        for pid in [*_children(server), server]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def postgres_server(programs: Path, folder: Path) -> Iterator[Postgres]:
    """An empty one."""
    server = Postgres(programs, folder)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def on_postgres(
    daprd_program: Path, folder: Path, redis_port: int, server: Postgres, *, app_id: str = "tests"
) -> Iterator[Daprd]:
    """A sidecar with the shipped components."""
    env = {"AGENTS_POSTGRES": server.connection}
    with daprd(daprd_program, folder, redis_port, app_id=app_id, components=COMPONENTS, env=env) as running:
        yield running


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            name, _, rest = status.read_text().rpartition(")")
            if rest.split()[1] == str(parent):
                found.append(int(name.split()[0]))
    return found


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root: in a user namespace without a mapping root is nobody, and what it owns is nobody's."""
    return ["unshare", "--user"] if os.geteuid() == 0 else []
