"""The Makefile on a copy of what it reads; no network, nothing installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
READ = ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-uv.lock")
PREFLIGHT = ROOT / "cli" / "local" / "preflight.sh"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in READ:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=30
    )


def test_make_alone_says_what_there_is(folder: Path) -> None:
    told = make(folder).stdout
    for target in ("up", "down", "reset", "test", "check"):
        assert f"make {target} " in told


@pytest.mark.parametrize("target", ["up", "down", "test", "check"])
def test_a_dry_run_does_nothing(folder: Path, target: str) -> None:
    """A recipe line that names make itself runs even under -n; one that clears .venv must never be such a line."""
    (folder / ".venv").mkdir()
    (folder / ".venv" / "mine").write_text("kept")
    assert make(folder, "-n", target).returncode == 0
    assert [path.name for path in (folder / ".venv").iterdir()] == ["mine"]


def test_up_after_test_keeps_the_development_environment(folder: Path) -> None:
    venv = folder / ".venv"
    venv.mkdir()
    for stamp in (".dev", ".synced", ".synced-dev"):
        (venv / stamp).touch()
    assert "requirements" not in make(folder, "-n", "up").stdout
    (venv / ".synced").unlink()
    assert "--require-hashes requirements-dev.lock" in make(folder, "-n", "up").stdout


def test_an_interrupted_install_is_repeated(folder: Path) -> None:
    (folder / ".venv").mkdir()  # no stamp: it is written last
    assert "--require-hashes requirements.lock" in make(folder, "-n", "up").stdout


def test_preflight_passes_here_and_names_a_missing_python() -> None:
    assert subprocess.run([PREFLIGHT, sys.executable], check=False).returncode == 0
    done = subprocess.run([PREFLIGHT, "python9"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: python9 is missing; Python 3.11 or later is needed\n  Debian, Ubuntu: sudo apt"
    )


def test_preflight_names_another_platform(tmp_path: Path) -> None:
    uname = tmp_path / "uname"
    uname.write_text('#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n')
    uname.chmod(0o755)
    done = subprocess.run(
        [PREFLIGHT, sys.executable],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "this is Darwin on arm64; only Linux on x86-64 is supported" in done.stderr
