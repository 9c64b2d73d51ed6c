"""What is compared: a version of the repository in a folder of its own, or the working tree under other settings."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.contenders.environments import environment
from benchmarks.suite.outside import Outside
from benchmarks.suite.programs import Programs
from benchmarks.suite.results import ROOT
from cli.errors import CommandError

OURS = CONTENDERS["ours"]
LOCK = "requirements.lock"
CODE = ("agents", "domain", "infrastructure")
SAMPLED = 0.1


@dataclass(frozen=True)
class Side:
    name: str
    contender: Contender = OURS


def commit_of(ref: str) -> str:
    """CommandError where git knows no such commit."""
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode or not ref.strip():
        raise CommandError(
            f"{ref!r} is no commit of this repository",
            hint=found.stderr.strip() or "name a branch, a tag or a commit; `git log --oneline` lists them",
        )
    return found.stdout.strip()


@asynccontextmanager
async def version(ref: str, console: Console) -> AsyncIterator[Side]:
    """A checkout with its own components, prompts and, where its lock is another, its own Python packages."""
    commit = commit_of(ref)
    with tempfile.TemporaryDirectory(prefix="agents-compare-") as folder:
        tree = Path(folder) / "version"
        try:
            added = _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
            if added.returncode:
                raise CommandError(f"git cannot check {ref} out", hint=added.stderr.strip())
            yield await _side(ref, tree, console)
        finally:
            _git("worktree", "remove", "--force", str(tree))


async def _side(ref: str, tree: Path, console: Console) -> Side:
    if not (tree / "infrastructure" / "host").is_dir():
        raise CommandError(f"{ref} is older than the host that starts an agent", hint="name a younger one")
    python = Path(sys.executable)
    if (tree / LOCK).read_bytes() != (ROOT / LOCK).read_bytes():
        console.print(f"{LOCK} of {ref} is another: it gets an environment of its own", highlight=False)
        other = dataclasses.replace(OURS, name="version", title=f"my-agents at {ref}", folder=tree)
        python = await environment(other, console)
        _installed(tree)
    with suppress(FileNotFoundError):  # both with the same settings
        (ROOT / ".env").stat()
        (tree / ".env").symlink_to(ROOT / ".env")
    # Else only the first start of this version would be a slow one.
    await _compile(python, tree)
    await _compile(Path(sys.executable), ROOT)
    return Side(ref, dataclasses.replace(OURS, folder=tree, interpreter=python))


def _installed(tree: Path) -> None:
    """The product asks for its own version, and an environment made from a lock does not have it installed."""
    told = tree / "my_agents-0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: my-agents\nVersion: 0\n")


async def _compile(python: Path, tree: Path) -> None:
    folders = [str(tree / name) for name in CODE]
    process = await asyncio.create_subprocess_exec(str(python), "-m", "compileall", "-q", *folders)
    await process.wait()


@asynccontextmanager
async def traced(found: Programs) -> AsyncIterator[list[Side]]:
    """Traces off, as shipped; all kept; one in ten kept. They go to a receiver that forgets them."""
    with tempfile.TemporaryDirectory(prefix="agents-compare-") as folder:
        receiver = Outside.start(found.outside, Path(folder), redis="", publish="", watch="")
        try:
            await receiver.ready()
            on = {
                "OTEL_SDK_DISABLED": "false",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
                "OTEL_BSP_MAX_QUEUE_SIZE": "20000",  # nothing is dropped
            }
            some = {
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": str(SAMPLED),
            }
            yield [
                Side("traces off", _with({"OTEL_SDK_DISABLED": "false"})),
                Side("traces on", _with(on)),
                Side("one trace in ten", _with(on | some)),
            ]
        finally:
            await receiver.process.kill()


def changed(settings: Mapping[str, str]) -> list[Side]:
    """The working tree as shipped, and with these settings."""
    told = " ".join(f"{name}={value}" for name, value in settings.items())
    return [Side("as shipped"), Side(told, _with(settings))]


def _with(settings: Mapping[str, str]) -> Contender:
    return dataclasses.replace(OURS, environment=settings)


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
