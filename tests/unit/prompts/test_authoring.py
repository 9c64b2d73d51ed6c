"""A draft is begun, released, deprecated: whole, or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import PromptInvalid
from domain.prompt import Prompt
from infrastructure.prompts.check import check_folder
from infrastructure.prompts.releases.authoring import NotReleasable, begin_draft, deprecate, release
from tests.unit.prompts.folders import HELLO, hashed, prompts


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_draft_is_a_copy_of_the_newest_version(tmp_path: Path) -> None:
    prompts(tmp_path, "1.0.0", "1.9.0", drafts=("1.10.0",))
    (tmp_path / "desk/ask/1.10.0.yaml").write_text(HELLO + "# newest\n")
    assert begin_draft(tmp_path, "desk", "ask", "minor") == tmp_path / "desk/ask/1.11.0.yaml"
    assert begin_draft(tmp_path, "desk", "ask", "major").name == "2.0.0.yaml"
    assert begin_draft(tmp_path, "desk", "ask", None, "3.0.0-rc.1").name == "3.0.0-rc.1.yaml"
    assert (tmp_path / "desk/ask/1.11.0.yaml").read_text() == HELLO + "# newest\n"
    assert check_folder(tmp_path) == []


@pytest.mark.parametrize(
    ("prompt", "version", "says"),
    [
        ("ask", "1.0.0", "1.0.0.yaml is there already: edit it"),
        ("ask", "2.0", "'2.0' is not a semantic version"),
        ("ask", "../2.0.0", "is not a semantic version"),
        ("tell", None, "there is no prompt desk/tell"),
    ],
)
def test_a_draft_that_cannot_be_begun_changes_nothing(
    tmp_path: Path, prompt: str, version: str | None, says: str
) -> None:
    before = everything(prompts(tmp_path, "1.0.0"))
    with pytest.raises(PromptInvalid, match=says):
        begin_draft(tmp_path, "desk", prompt, None, version)
    assert everything(tmp_path) == before


def test_a_release_is_a_line_in_the_lock(tmp_path: Path) -> None:
    prompts(tmp_path, "1.0.0", drafts=("1.0.1", "1.1.0"))
    assert release(tmp_path, "desk", "ask").key == ("desk", "ask", "1.1.0")
    assert (tmp_path / "prompts.lock").read_text() == (
        f"desk/ask/1.0.0 sha256:{hashed(HELLO)}\ndesk/ask/1.1.0 sha256:{hashed(HELLO)}\n"
    )
    once = everything(tmp_path)
    assert release(tmp_path, "desk", "ask", "1.1.0").sha256 == hashed(HELLO)
    assert everything(tmp_path) == once


def test_everything_that_stands_against_a_release_is_told_at_once_and_nothing_is_changed(
    tmp_path: Path,
) -> None:
    draft = prompts(tmp_path, "1.0.0", drafts=("1.0.1",)) / "desk/ask/1.0.1.yaml"
    draft.write_text(HELLO.replace("max_tokens: 400", "max_token: 4").replace("name: ask", "name: tell"))
    (tmp_path / "desk/ask/1.0.0.yaml").write_text(HELLO + "\n")
    before = everything(tmp_path)
    with pytest.raises(
        NotReleasable, match=r"desk/ask 1.0.1 cannot be released, and nothing was changed"
    ) as caught:
        release(tmp_path, "desk", "ask")
    assert [problem.text.partition(":")[0] for problem in caught.value.problems] == [
        "this release was edited",
        "the name is tell, the folder's is ask",
        "no `max_tokens`",
        "the key `execution_settings.default.max_token` has no effect",
    ]
    assert everything(tmp_path) == before


def test_a_step_that_is_too_small_is_refused_with_the_version_it_should_have(tmp_path: Path) -> None:
    draft = prompts(tmp_path, "1.0.0", drafts=("1.0.1",)) / "desk/ask/1.0.1.yaml"
    draft.write_text(HELLO.replace("400", "500"))
    with pytest.raises(NotReleasable, match=r"max_tokens is 500, it was 400 — name it 1.1.0"):
        release(tmp_path, "desk", "ask")
    draft.rename(draft.with_name("1.1.0.yaml"))
    assert release(tmp_path, "desk", "ask").key[2] == "1.1.0"


def test_a_release_between_two_others_must_not_make_the_step_after_it_too_small(tmp_path: Path) -> None:
    prompts(tmp_path, "1.0.0", "1.1.1", drafts=("1.1.0",))
    (tmp_path / "desk/ask/1.1.0.yaml").write_text(HELLO.replace("400", "500"))
    with pytest.raises(NotReleasable, match=r"1.1.1 is a patch step after 1.1.0"):
        release(tmp_path, "desk", "ask", "1.1.0")


def test_a_gate_may_refuse_with_its_reason(tmp_path: Path) -> None:
    prompts(tmp_path, drafts=("1.0.0",))
    asked: list[tuple[Path, str, str]] = []

    def gate(root: Path, agent: str, prompt: Prompt) -> str | None:
        asked.append((root, agent, prompt.version))
        return "worse than 0.9.0"

    with pytest.raises(NotReleasable, match=r"  worse than 0.9.0") as caught:
        release(tmp_path, "desk", "ask", gates=[lambda *_: None, gate])
    assert caught.value.reasons == ("worse than 0.9.0",)
    assert asked == [(tmp_path, "desk", "1.0.0")]
    assert not (tmp_path / "prompts.lock").exists()


@pytest.mark.parametrize(
    ("version", "says"),
    [
        (None, "desk/ask has no draft: `agents prompts new desk/ask --minor` begins one"),
        ("1.2.0", r"desk/ask has no version 1.2.0 \(there are: 0.9.0, 1.0.0\)"),
        ("0.9.0", "desk/ask 0.9.0 is deprecated, which is for good"),
    ],
)
def test_what_cannot_be_released_is_named(tmp_path: Path, version: str | None, says: str) -> None:
    prompts(tmp_path, "1.0.0", deprecated=("0.9.0",))
    with pytest.raises(PromptInvalid, match=says):
        release(tmp_path, "desk", "ask", version)


def test_a_broken_lock_is_never_written_over(tmp_path: Path) -> None:
    lock = prompts(tmp_path, "1.0.0", drafts=("1.1.0",)) / "prompts.lock"
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}")
    before = lock.read_bytes()
    with pytest.raises(NotReleasable, match="a merge conflict"):
        release(tmp_path, "desk", "ask")
    with pytest.raises(PromptInvalid, match="a merge conflict"):
        deprecate(tmp_path, "desk", "ask", "1.0.0", "old")
    assert lock.read_bytes() == before


def test_a_deprecation_is_a_mark_with_its_reason_in_one_line(tmp_path: Path) -> None:
    prompts(tmp_path, "1.0.0", drafts=("1.1.0",))
    deprecate(tmp_path, "desk", "ask", "1.0.0", "it forgot\nthe   language")
    assert (tmp_path / "prompts.lock").read_text() == (
        f"desk/ask/1.0.0 sha256:{hashed(HELLO)} deprecated it forgot the language\n"
    )
    with pytest.raises(PromptInvalid, match=r"1.1.0 is a draft, and was never released: remove .*1.1.0.yaml"):
        deprecate(tmp_path, "desk", "ask", "1.1.0", "old")
    with pytest.raises(PromptInvalid, match=r"has no version 3.0.0"):
        deprecate(tmp_path, "desk", "ask", "3.0.0", "old")


def test_releases_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    versions = [f"1.{minor}.0" for minor in range(24)]
    prompts(tmp_path, drafts=tuple(versions))
    code = (
        "import sys; from pathlib import Path; from infrastructure.prompts.releases.authoring import release\n"
        "[release(Path(sys.argv[1]), 'desk', 'ask', version) for version in sys.argv[2:]]"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), *versions[one::4]]) for one in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    assert len((tmp_path / "prompts.lock").read_text().splitlines()) == 24
    assert check_folder(tmp_path) == []
