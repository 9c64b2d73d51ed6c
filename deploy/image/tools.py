"""Programs from the Python package index for the image's bill of materials, pinned in pins/tools.lock, in an environment of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

from cli.local.provision.cache import user_cache
from deploy.image.programs import output_of

LOCK = Path(__file__).with_name("pins") / "tools.lock"


def tool(name: str) -> Path:
    """The program, installed when it is not there yet."""
    cache = user_cache(os.environ)
    folder = cache.folder("image-tools", LOCK.read_bytes(), sys.version)
    cache.root.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / ".complete"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            output_of([sys.executable, "-m", "venv", folder])
            output_of(
                [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK]
            )
            done.touch()
    return folder / "bin" / name
