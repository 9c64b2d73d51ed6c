"""The lock's own lines: what is refused, and that a writer keeps what others wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import PromptInvalid
from infrastructure.prompts.check import check_folder
from infrastructure.prompts.registry import load_prompts
from infrastructure.prompts.releases.lock import Lock, Release, read_lock, write_lock
from tests.unit.prompts.folders import HELLO, hashed, prompts

HASH = hashed(HELLO)
LINE = f"desk/ask/1.0.0 sha256:{HASH}"


@pytest.mark.parametrize(
    ("lines", "at", "says"),
    [
        ([LINE, "desk/ask/1.1.0"], 2, "this is no release: desk/ask/1.1.0"),
        ([f"desk/ask/1.1.0 sha256:{HASH[:-1]}", LINE], 1, "this is no release"),
        ([f"{LINE} retired"], 1, "this is no release"),
        ([LINE.upper()], 1, "this is no release"),
        ([f"desk/1.0.0 sha256:{HASH}"], 1, "this is no release"),
        ([f"desk/ask/1.0 sha256:{HASH}"], 1, "'1.0' is not a semantic version"),
        ([LINE, f"{LINE} deprecated"], 2, "desk/ask/1.0.0 stands here twice, first in line 1"),
        (["<<<<<<< HEAD", LINE, "=======", ">>>>>>> other"], 1, "a merge conflict"),
        ([], 1, "the file is empty"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_stops_check_and_start(
    tmp_path: Path, lines: list[str], at: int, says: str
) -> None:
    lock = prompts(tmp_path, "1.0.0") / "prompts.lock"
    lock.write_text("\n".join([*lines, ""]))
    problem = next(one for one in check_folder(tmp_path) if one.file == str(lock))
    assert (problem.line, problem.severity) == (at, "error")
    assert problem.text.startswith(says)
    assert problem.cure
    with pytest.raises(PromptInvalid, match=r"prompts.lock:\d+:1: error: "):
        load_prompts(tmp_path / "desk")


def test_lines_out_of_order_stop_a_release_and_no_start(tmp_path: Path) -> None:
    lock = prompts(tmp_path, "1.0.0", "1.1.0") / "prompts.lock"
    lock.write_text("".join(reversed(lock.read_text().splitlines(keepends=True))))
    (problem,) = check_folder(tmp_path)
    assert str(problem) == (
        f"{lock}:2:1: warning: this line is out of order — LC_ALL=C sort -o {lock} {lock} puts all in order"
    )
    assert load_prompts(tmp_path / "desk").get("ask").version == "1.1.0"


def test_a_lock_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (prompts(tmp_path, "1.0.0") / "prompts.lock").write_bytes(b"\xff\xfe")
    assert "the file cannot be read" in check_folder(tmp_path)[0].text


def test_what_is_written_is_sorted_and_read_back(tmp_path: Path) -> None:
    releases = [
        Release(("desk", "ask", "1.10.0"), "b" * 64),
        Release(("desk", "ask", "1.9.0"), "a" * 64, deprecated=True, because="it forgot"),
        Release(("builder", "make", "1.0.0-rc.1"), "c" * 64, deprecated=True),
    ]
    write_lock(Lock(tmp_path / "prompts.lock", {one.key: one for one in releases}))
    assert (tmp_path / "prompts.lock").read_text() == (
        f"builder/make/1.0.0-rc.1 sha256:{'c' * 64} deprecated\n"
        f"desk/ask/1.10.0 sha256:{'b' * 64}\n"
        f"desk/ask/1.9.0 sha256:{'a' * 64} deprecated it forgot\n"
    )
    read = read_lock(tmp_path)
    assert read.problems == ()
    assert read.of("desk", "ask")["1.9.0"].because == "it forgot"
    assert [path.name for path in tmp_path.iterdir()] == ["prompts.lock"]


def test_a_reader_never_sees_half_a_lock(tmp_path: Path) -> None:
    lock = prompts(tmp_path, "1.0.0") / "prompts.lock"
    before = lock.read_text()
    with lock.open() as reading:
        write_lock(Lock(lock, {}))
        assert reading.read() == before
    assert lock.read_text() == ""


def test_a_writer_that_fails_leaves_the_lock_as_it_was(tmp_path: Path) -> None:
    lock = prompts(tmp_path, "1.0.0") / "prompts.lock"
    before = lock.read_bytes()
    broken = Release(("desk", "ask", "\ud800"), HASH)
    with pytest.raises(UnicodeEncodeError):
        write_lock(Lock(lock, {broken.key: broken}))
    assert lock.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk", "prompts.lock"]
