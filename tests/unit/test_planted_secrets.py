"""A session whose processes tell a secret fails, though each of its tests passed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support import planted
from tests.support.planted import found_below, found_in

ROOT = Path(__file__).parents[2]
NAME, VALUE = next(iter(planted.ENVIRONMENT.items()))


@pytest.fixture
def apart() -> Iterator[Path]:
    """A folder that this session does not look into itself."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def session(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Of pytest, with one test that has a folder of its own, and the secret in SECRET."""
    (folder / "test_it.py").write_text(
        f"import os\nSECRET = os.environ['SECRET']\ndef test(tmp_path):\n    {test}\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.no_planted_secrets", "-p", "no:cacheprovider",
         "--rootdir", ".", "--basetemp", "made", *options, "test_it.py"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "SECRET": VALUE}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_secret_in_a_log_fails_the_session_with_the_file_and_the_name(
    apart: Path, options: tuple[str, ...]
) -> None:
    done = session(apart, "(tmp_path / 'agent.log').write_text('password=' + SECRET)", *options)
    assert done.returncode == 1
    assert "1 passed" in done.stdout
    assert f"agent.log: {NAME} stands there in the clear" in done.stdout
    assert VALUE not in done.stdout


def test_a_secret_that_was_printed_fails_it_too(apart: Path) -> None:
    done = session(apart, "print('password', SECRET)")
    assert done.returncode == 1
    assert f"test_it.py::test, Captured stdout call: {NAME} stands there in the clear" in done.stdout
    assert VALUE not in done.stdout


def test_what_a_process_is_given_may_hold_it(apart: Path) -> None:
    done = session(
        apart,
        "(tmp_path / 'components').mkdir(); (tmp_path / 'components' / 'pubsub.yaml').write_text(SECRET); "
        "(tmp_path / '.env').write_text(SECRET)",
    )
    assert (done.returncode, "planted" in done.stdout) == (0, False)


def test_a_secret_is_found_where_two_pieces_of_a_file_meet(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planted, "_PIECE", 32)
    (apart / "dump.rdb").write_bytes(b"x" * 25 + VALUE.encode() + b"y" * 90)
    assert [one.name for one in found_below(apart)] == [NAME]


def test_an_answer_is_looked_into_as_it_is_read() -> None:
    assert [one.name for one in found_in(f'{{"x":"{VALUE}"}}'.encode(), "an answer")] == [NAME]
