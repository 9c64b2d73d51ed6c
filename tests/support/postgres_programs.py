"""PostgreSQL's programs for tests: one pinned version for every Linux, from Maven Central, checked and unpacked into the cache."""

from __future__ import annotations

import asyncio
import hashlib
import platform
import tarfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cli.local.provision.cache import Cache

VERSION = "17.11.0"
PATIENCE = 60
"""Seconds for an answer of Maven Central's, not for all of its 15 MB."""


@dataclass(frozen=True)
class Archive:
    """A jar of https://github.com/zonkyio/embedded-postgres-binaries with one .txz in it, of programs and their libraries."""

    machine: str
    sha256: str

    @property
    def url(self) -> str:
        name = f"embedded-postgres-binaries-linux-{self.machine}"
        return f"https://repo.maven.apache.org/maven2/io/zonky/test/postgres/{name}/{VERSION}/{name}-{VERSION}.jar"


ARCHIVES = {
    "x86_64": Archive("amd64", "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d"),
    "aarch64": Archive("arm64v8", "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b"),
}


async def provide_postgres(cache: Cache) -> Path:
    """The folder with `postgres` and `initdb`. They find their libraries beside it."""
    archive = ARCHIVES[platform.machine()]
    folder = cache.folder("postgresql", VERSION, archive.sha256)
    async with cache.making(folder, lambda _: None) as draft:
        if draft is not None:
            await asyncio.to_thread(_unpack, archive, draft)
    return folder / "bin"


def _unpack(archive: Archive, into: Path) -> None:
    jar = into / "postgresql.jar"
    with urllib.request.urlopen(archive.url, timeout=PATIENCE) as answer:  # noqa: S310  # a constant
        jar.write_bytes(answer.read())
    if (found := hashlib.sha256(jar.read_bytes()).hexdigest()) != archive.sha256:
        raise AssertionError(f"{archive.url} is not what is pinned: its sha256 is {found}")
    with zipfile.ZipFile(jar) as files:
        (packed,) = [name for name in files.namelist() if name.endswith(".txz")]
        with files.open(packed) as stream, tarfile.open(fileobj=stream, mode="r:xz") as programs:
            programs.extractall(into, filter="data")
    jar.unlink()
