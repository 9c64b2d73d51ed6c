"""Finds or makes every program the platform needs, side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli.errors import CommandError
from cli.local.provision.cache import user_cache
from cli.local.provision.dapr import CLI, RUNTIME, provide_cli, provide_runtime
from cli.local.provision.ollama import VERSION as OLLAMA
from cli.local.provision.ollama import provide_model, provide_ollama, require_compilers
from cli.local.provision.progress import Progress, Step
from cli.local.provision.redis import provide_redis
from cli.local.provision.toolchain import give_back_disk


@dataclass(frozen=True)
class Wanted:
    """What this start needs. Whatever answers already, or belongs to another provider, is not wanted."""

    runtime: bool = True
    redis: bool = True
    ollama: bool = True
    model: bool = True
    dapr_cli: bool = False


@dataclass
class Programs:
    """Where the programs are; None what was not wanted."""

    daprd: Path | None = None
    placement: Path | None = None
    scheduler: Path | None = None
    redis_server: Path | None = None
    ollama: Path | None = None
    model: Path | None = None
    dapr_cli: Path | None = None


async def provision(wanted: Wanted, env: Mapping[str, str], console: Console) -> Programs:
    """Provide all that is wanted; the first failure is raised after the others were ended in order."""
    cache = user_cache(env)
    if wanted.ollama:
        require_compilers(cache, env)
    found = Programs()
    progress = Progress(console)

    async def runtime(step: Step) -> None:
        programs = await provide_runtime(cache, env, step)
        found.daprd, found.placement, found.scheduler = (
            programs[n] for n in ("daprd", "placement", "scheduler")
        )

    async def redis(step: Step) -> None:
        found.redis_server = await provide_redis(cache, env, step)

    async def ollama(step: Step) -> None:
        found.ollama = await provide_ollama(cache, env, step)

    async def model(step: Step) -> None:
        found.model = await provide_model(cache, env, step)

    async def dapr_cli(step: Step) -> None:
        found.dapr_cli = await provide_cli(cache, env, step)

    # Expected seconds: measured on two cores with all of them at work at once.
    table: list[tuple[bool, str, float | None, Callable[[Step], Awaitable[None]]]] = [
        (wanted.runtime, f"Dapr runtime {RUNTIME}", 420, runtime),
        (wanted.ollama, f"Ollama {OLLAMA}", 360, ollama),
        (wanted.redis, "Redis", None, redis),
        (wanted.model, "model SmolLM2-135M", None, model),
        (wanted.dapr_cli, f"dapr command {CLI}", 180, dapr_cli),
    ]
    async with progress.shown():
        await _side_by_side(
            [
                (progress.step(title, expected), make)
                for is_wanted, title, expected, make in table
                if is_wanted
            ]
        )
    give_back_disk(cache.root / "go")
    return found


async def _side_by_side(work: list[tuple[Step, Callable[[Step], Awaitable[None]]]]) -> None:
    async def one(step: Step, make: Callable[[Step], Awaitable[None]]) -> None:
        try:
            await make(step)
        except asyncio.CancelledError:
            step.failed("interrupted; the next run goes on from here")
            raise
        except CommandError as error:
            step.failed(error.message)
            raise
        except OSError as error:
            step.failed(str(error))
            raise

    try:
        async with asyncio.TaskGroup() as group:
            for step, make in work:
                group.create_task(one(step, make))
    except* CommandError as failures:
        raise failures.exceptions[0] from None
