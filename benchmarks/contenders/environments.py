"""A contender's Python: a virtual environment made once from its hash-pinned lock, kept in the cache of `agents provision`."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from rich.console import Console

from benchmarks.contenders import Contender
from cli.errors import CommandError
from cli.local.provision.cache import user_cache
from cli.local.provision.programs import run_program
from cli.local.provision.progress import Progress, Step

_EXPECTED = 60.0  # seconds, of which nearly all is the download


async def environment(contender: Contender, console: Console) -> Path:
    """The interpreter that runs this contender; ours is the one that runs this."""
    if contender.name == "ours":
        return Path(sys.executable)
    lock = contender.folder / "requirements.lock"
    cache = user_cache(os.environ)
    version = "{}.{}".format(*sys.version_info)
    folder = cache.folder(f"benchmark-{contender.folder.name}", lock.read_bytes(), version)
    python = folder / "bin" / "python"
    if folder.exists():
        return python
    progress = Progress(console)
    step = progress.step(f"Python environment of {contender.title}", _EXPECTED)
    async with progress.shown():
        try:
            async with cache.making(folder, step.says) as draft:
                if draft is not None:
                    await _make(draft, lock, cache.log(folder.name), step)
        except CommandError as error:
            step.failed(error.message)
            raise
        step.done(str(folder))
    return python


async def _make(draft: Path, lock: Path, log: Path, step: Step) -> None:
    uv = str(Path(sysconfig.get_path("scripts")) / "uv")
    python = str(draft / "bin" / "python")
    # Relocatable: it is made in a draft folder, which is renamed when it is complete.
    venv = ["venv", "--quiet", "--allow-existing", "--relocatable", "--python", sys.executable, str(draft)]
    sync = ["pip", "sync", "--compile-bytecode", "--require-hashes", "--python", python, str(lock)]
    step.says("installing its lock")
    for command in (venv, sync):
        title = f"installing {lock.parent.name}/{lock.name}"
        await run_program([uv, *command], title=title, log=log, env=os.environ, cwd=draft)
