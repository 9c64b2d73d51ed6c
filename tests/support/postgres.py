"""A real PostgreSQL for tests: the installed one, else Debian's packages unpacked into the cache. A server of its own, ended by pid."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.suite.processes import free_ports
from cli.local.provision.cache import Cache
from tests.support.processes import Daprd, Process, accepts, daprd, started, until_ready

COMPONENTS = Path(__file__).parents[2] / "components" / "postgres"
_SYSTEM = ("libc6", "libgcc-s1", "libstdc++6", "libcrypt1")
"""What the machine's own loader brings: another one beside it would not run."""


@dataclass(frozen=True)
class Postgres:
    port: int
    process: Process

    @property
    def connection(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=agents dbname=postgres sslmode=disable"


@contextmanager
def postgres_server(programs: Path, folder: Path) -> Iterator[Postgres]:
    """An empty one; `programs` is the folder with `postgres` and `initdb`."""
    (port,) = free_ports(1)
    data = folder / "postgres"
    words = ["--username=agents", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [*_as_nobody(), programs / "initdb", "-D", data, *words],
        check=True, capture_output=True, env=_environment(programs),
    )  # fmt: skip
    options = [
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"unix_socket_directories={data}",
        "-c",
        "max_connections=200",
    ]
    argv: list[str | Path] = [*_as_nobody(), programs / "postgres", "-D", data, "-p", str(port), *options]
    with started("postgres", argv, folder, _environment(programs)) as process:
        until_ready(
            process,
            lambda: accepts(port) and (data / "postmaster.pid").read_text().rstrip().endswith("ready"),
        )
        yield Postgres(port, process)


@contextmanager
def on_postgres(
    daprd_program: Path, folder: Path, redis_port: int, server: Postgres, *, app_id: str = "tests"
) -> Iterator[Daprd]:
    """A sidecar with the shipped components."""
    env = {"AGENTS_POSTGRES": server.connection}
    with daprd(daprd_program, folder, redis_port, app_id=app_id, components=COMPONENTS, env=env) as running:
        yield running


def provide_postgres(cache: Cache) -> Path:
    """The folder with its programs."""
    for place in [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version), *_in_path()]:
        if (place / "initdb").is_file():
            return place
    packages = _packages()
    folder = cache.folder("postgresql", *packages)
    if not folder.is_dir():
        draft = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-q", *packages], cwd=draft, check=True, capture_output=True)
        for package in draft.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, draft], check=True)
            package.unlink()
        draft.rename(folder)
    (programs,) = folder.glob("usr/lib/postgresql/*/bin")
    return programs


def _packages() -> list[str]:
    """The newest server that Debian has here, and the libraries it is linked with."""
    servers = re.findall(r"^postgresql-(\d+)$", _said("apt-cache", "pkgnames", "postgresql-"), re.MULTILINE)
    server = f"postgresql-{max(servers, key=int)}"
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    tree = _said("apt-cache", "depends", "--recurse", *(f"--no-{kind}" for kind in kinds), server)
    libraries = {line for line in tree.splitlines() if re.fullmatch(r"lib[a-z0-9+.-]+", line)}
    return [server, *sorted(name for name in libraries if name not in _SYSTEM and "llvm" not in name)]


def _said(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _in_path() -> list[Path]:
    found = shutil.which("postgres")
    return [Path(found).resolve().parent] if found else []


def _version(programs: Path) -> int:
    return -int(programs.parent.name)


def _environment(programs: Path) -> dict[str, str]:
    """Unpacked, it needs its libraries beside it."""
    if programs.is_relative_to("/usr"):
        return dict(os.environ)
    libraries = sorted({str(library.parent) for library in programs.parents[3].rglob("*.so.*")})
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root: in a user namespace without a mapping root is nobody, and what it owns is nobody's."""
    return ["unshare", "--user"] if os.geteuid() == 0 else []
