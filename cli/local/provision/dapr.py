"""daprd, placement, scheduler and the dapr CLI: an installed one of a tested version, else built from pinned modules."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from cli.local.provision.cache import PINS, Cache
from cli.local.provision.programs import output_of
from cli.local.provision.progress import Step
from cli.local.provision.toolchain import build, find_go

RUNTIME = "1.16.0"
TESTED_RUNTIMES = (RUNTIME,)
CLI = "1.16.5"
PROGRAMS = ("daprd", "placement", "scheduler")
BUILD_GIGABYTES = 8.0

# Without the tag daprd has no components at all.
_RUNTIME_FLAGS = (
    "-tags=stablecomponents",
    (
        f"-ldflags=-s -w -X github.com/dapr/dapr/pkg/buildinfo.version={RUNTIME}"
        f" -X github.com/dapr/kit/logger.DaprVersion={RUNTIME}"
    ),
)
_CLI_FLAGS = (f"-ldflags=-s -w -X main.version={CLI}",)
_NO_C = {"CGO_ENABLED": "0"}


async def installed_runtime(env: Mapping[str, str]) -> dict[str, Path] | None:
    """The three programs where `dapr init --slim`, DAPR_RUNTIME_PATH or PATH has them, all of one tested version."""
    for folder in _candidates(env):
        programs = {name: folder / name for name in PROGRAMS}
        if (
            all(path.is_file() for path in programs.values())
            and await version(programs["daprd"], env) in TESTED_RUNTIMES
        ):
            return programs
    return None


def built_runtime(cache: Cache) -> Path:
    """Folder of the built runtime, laid out so that DAPR_RUNTIME_PATH may point at it."""
    return cache.folder(f"dapr-{RUNTIME}", _pins("dapr"), *_RUNTIME_FLAGS)


async def provide_runtime(cache: Cache, env: Mapping[str, str], step: Step) -> dict[str, Path]:
    if programs := await installed_runtime(env):
        step.done(f"installed in {programs['daprd'].parent}")
        return programs
    folder = built_runtime(cache)
    programs = {name: folder / ".dapr" / "bin" / name for name in PROGRAMS}
    if folder.exists():
        step.done(f"built earlier, {folder}")
        return programs
    async with cache.making(folder, step.says) as draft:
        if draft is not None:
            cache.need_space(BUILD_GIGABYTES, "building the Dapr runtime")
            go = await find_go(cache, env, step)
            binaries = draft / ".dapr" / "bin"
            binaries.mkdir(parents=True)
            await build(
                go,
                PINS / "dapr",
                [f"github.com/dapr/dapr/cmd/{name}" for name in PROGRAMS],
                binaries,
                flags=_RUNTIME_FLAGS,
                log=cache.log("dapr-runtime"),
                title="building the Dapr runtime",
                step=step,
                extra_env=_NO_C,
            )
    step.done(f"built, {folder}")
    return programs


async def provide_cli(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    installed = shutil.which("dapr", path=env.get("PATH"))
    if installed and await version(Path(installed), env) == CLI:
        step.done(f"installed, {installed}")
        return Path(installed)
    folder = cache.folder(f"dapr-cli-{CLI}", _pins("dapr-cli"), *_CLI_FLAGS)
    program = folder / "dapr"
    if folder.exists():
        step.done(f"built earlier, {folder}")
        return program
    async with cache.making(folder, step.says) as draft:
        if draft is not None:
            cache.need_space(BUILD_GIGABYTES, "building the dapr command")
            go = await find_go(cache, env, step)
            await build(
                go,
                PINS / "dapr-cli",
                ["github.com/dapr/cli"],
                draft / "dapr",
                flags=_CLI_FLAGS,
                log=cache.log("dapr-cli"),
                title="building the dapr command",
                step=step,
                extra_env=_NO_C,
            )
    step.done(f"built, {folder}")
    return program


async def version(program: Path, env: Mapping[str, str]) -> str | None:
    """`1.16.0` out of whatever `--version` prints; None when it does not run."""
    answer = await output_of([program, "--version"], env=env, cwd=program.parent)
    found = re.search(r"\d+\.\d+\.\d+\S*", answer or "")
    return found.group() if found else None


def _candidates(env: Mapping[str, str]) -> list[Path]:
    home = Path(env.get("HOME") or Path.home())
    folders = [home / ".dapr" / "bin"]
    if runtime_path := env.get("DAPR_RUNTIME_PATH"):
        folders.insert(0, Path(runtime_path) / ".dapr" / "bin")
    if on_path := shutil.which("daprd", path=env.get("PATH")):
        folders.append(Path(on_path).resolve().parent)
    return folders


def _pins(name: str) -> bytes:
    return (PINS / name / "go.mod").read_bytes() + (PINS / name / "go.sum").read_bytes()
