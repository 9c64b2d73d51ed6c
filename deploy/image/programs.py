"""Runs the programs that images are made with, each from a package of Debian or Ubuntu."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode

PACKAGES = {
    "/usr/lib/apt/apt-helper": "apt",
    "apt-get": "apt",
    "apt-cache": "apt",
    "buildah": "buildah",
    "runc": "runc",
    "dpkg-deb": "dpkg",
    "newuidmap": "uidmap",
}
"""Programs by the package that has them."""


def require(*names: str) -> None:
    """Every program that is missing, named at once with what installs it."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        packages = sorted({PACKAGES[name] for name in missing})
        raise CommandError(
            f"the image needs {', '.join(missing)}, which this machine does not have",
            hint=f"on Debian or Ubuntu: sudo apt-get install --no-install-recommends {' '.join(packages)}",
            code=ExitCode.MISSING,
        )


def output_of(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> bytes:
    """What the program prints; CommandError with what it complained of."""
    ran = subprocess.run(
        [str(part) for part in argv],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
    )
    if ran.returncode != 0:
        said = (ran.stderr + ran.stdout).decode(errors="replace").strip()
        command = " ".join([Path(argv[0]).name, *(str(part) for part in argv[1:2])])
        raise CommandError(f"{command}: {said}", code=ExitCode.BUILD_FAILED)
    return ran.stdout
