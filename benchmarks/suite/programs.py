"""What a run needs: the programs of `agents provision`, our Go program, and each contender's Python."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import Contender
from benchmarks.contenders.environments import environment
from benchmarks.contenders.temporal_server import provide_temporal
from cli.errors import CommandError
from cli.local.provision.cache import user_cache
from cli.local.provision.progress import Progress
from cli.local.provision.run import Wanted, provision
from cli.local.provision.toolchain import build, find_go, give_back_disk

OUTSIDE = Path(__file__).parents[1] / "outside"


@dataclass(frozen=True)
class Programs:
    daprd: Path
    placement: Path
    scheduler: Path
    redis_server: Path
    outside: Path
    temporal: Path | None
    pythons: Mapping[str, Path]
    """By contender."""
    unbuilt: Mapping[str, CommandError]
    """The contenders that cannot be run here, and why."""


async def programs(contenders: Collection[Contender], console: Console) -> Programs:
    """Find or make everything; CommandError where what all need cannot be made."""
    found = await provision(Wanted(ollama=False, model=False), os.environ, console)
    assert found.daprd and found.placement and found.scheduler and found.redis_server  # noqa: PT018, S101 - wanted
    outside = await _outside(console)
    temporal, pythons, unbuilt = None, {}, {}
    for one in contenders:
        try:
            if one.temporal:
                temporal = await provide_temporal(console)
            pythons[one.name] = await environment(one, console)
        except CommandError as error:
            unbuilt[one.name] = error
    return Programs(
        daprd=found.daprd,
        placement=found.placement,
        scheduler=found.scheduler,
        redis_server=found.redis_server,
        outside=outside,
        temporal=temporal,
        pythons=pythons,
        unbuilt=unbuilt,
    )


async def _outside(console: Console) -> Path:
    """Built once for each state of its source."""
    cache = user_cache(os.environ)
    sources = sorted(path for path in OUTSIDE.iterdir() if path.is_file() and "_test" not in path.name)
    folder = cache.folder("benchmark-outside", *(path.read_bytes() for path in sources))
    program = folder / "outside"
    if program.exists():
        return program
    progress = Progress(console)
    step = progress.step("the model and the broker's far ends", 30)
    async with progress.shown(), cache.making(folder, step.says) as draft:
        if draft is not None:
            await build(
                await find_go(cache, os.environ, step),
                OUTSIDE,
                ["."],
                draft / "outside",
                flags=(),
                log=cache.log("benchmark-outside"),
                title="building benchmarks/outside",
                step=step,
                extra_env={"CGO_ENABLED": "0"},
            )
        step.done(str(folder))
    give_back_disk(cache.root / "go")
    return program
