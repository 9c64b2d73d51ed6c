"""What a release is: a file that never changes, and that is served before every draft."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import PromptInvalid
from infrastructure.prompts.check import check_folder, main
from infrastructure.prompts.registry import load_prompts
from tests.unit.prompts.folders import HELLO, hashed, prompts

EXPECTED = hashed(HELLO)


def wrong(root: Path) -> list[str]:
    """What stops both the start of the agent and the check of all: the same."""
    checked = [str(problem) for problem in check_folder(root) if problem.severity == "error"]
    if not checked:
        load_prompts(root / "desk")
        return []
    with pytest.raises(PromptInvalid) as caught:
        load_prompts(root / "desk")
    assert caught.value.message.splitlines()[1:] == [f"  {line}" for line in checked]
    assert main([str(root), "--release"]) == 1
    return checked


def test_releases_as_they_were_released_are_fine(tmp_path: Path) -> None:
    assert wrong(prompts(tmp_path, "1.0.0", "1.1.0", deprecated=("0.9.0",), drafts=("1.2.0",))) == []


def test_an_edited_release_is_refused_with_both_hashes_and_the_cure(tmp_path: Path) -> None:
    file = prompts(tmp_path, "1.0.0", "1.1.0") / "desk/ask/1.0.0.yaml"
    file.write_text(HELLO + "# a word\n")
    assert wrong(tmp_path) == [
        (
            f"{file}:1:1: error: this release was edited: expected sha256:{EXPECTED}, "
            f"found sha256:{hashed(HELLO + '# a word' + chr(10))} — take the edit back (git checkout -- {file}); "
            "a change is a new version: agents prompts new desk/ask --minor"
        )
    ]


def test_a_removed_release_is_refused(tmp_path: Path) -> None:
    file = prompts(tmp_path, "1.0.0", "1.1.0") / "desk/ask/1.0.0.yaml"
    file.unlink()
    (problem,) = wrong(tmp_path)
    assert (
        f"{file}:1:1: error: this release was removed: expected sha256:{EXPECTED}, found no file" in problem
    )
    assert f"git checkout -- {file}" in problem


def test_a_renamed_release_is_found_under_its_new_name(tmp_path: Path) -> None:
    file = prompts(tmp_path, "1.0.0", "1.1.0") / "desk/ask/1.0.0.yaml"
    file.rename(file.with_name("1.0.1.yaml"))
    (problem,) = wrong(tmp_path)
    assert "this release was renamed" in problem
    assert "found under another name, 1.0.1.yaml" in problem
    assert f"git mv {file.with_name('1.0.1.yaml')} {file}" in problem


def test_a_removed_prompt_and_a_removed_agent_are_refused_too(tmp_path: Path) -> None:
    (prompts(tmp_path, "1.0.0") / "desk/ask/1.0.0.yaml").unlink()
    (tmp_path / "desk/ask").rmdir()
    assert len(wrong(tmp_path)) == 1
    (tmp_path / "desk").rmdir()
    (problem,) = check_folder(tmp_path)
    assert "the folder of the agent desk is gone" in str(problem)


def test_a_release_that_is_edited_under_a_running_process_is_not_used(tmp_path: Path) -> None:
    registry = load_prompts(prompts(tmp_path, "1.0.0", "1.1.0") / "desk")
    (tmp_path / "desk/ask/1.0.0.yaml").write_text(HELLO.replace("Hello", "Bye"))
    with pytest.raises(PromptInvalid, match="this release was edited"):
        registry.version("ask", "1.0.0")
    assert registry.version("ask", "1.1.0").version == "1.1.0"


@pytest.mark.parametrize(
    ("released", "deprecated", "drafts", "served", "in_development"),
    [
        (("1.0.0", "1.1.0"), (), ("1.2.0",), "1.1.0", "1.2.0"),
        (("1.0.0", "2.0.0-rc.1"), (), (), "1.0.0", "1.0.0"),
        (("1.0.0",), ("1.1.0",), (), "1.0.0", "1.0.0"),
        ((), ("1.0.0", "1.1.0"), ("1.2.0",), "1.1.0", "1.2.0"),
        ((), (), ("1.0.0", "1.1.0", "1.2.0-rc.1"), "1.1.0", "1.2.0-rc.1"),
        (("1.1.0",), (), ("1.0.0",), "1.1.0", "1.1.0"),
    ],
)
def test_what_is_served(
    tmp_path: Path,
    released: tuple[str, ...],
    deprecated: tuple[str, ...],
    drafts: tuple[str, ...],
    served: str,
    in_development: str,
) -> None:
    folder = prompts(tmp_path, *released, deprecated=deprecated, drafts=drafts) / "desk"
    assert load_prompts(folder).get("ask").version == served
    assert load_prompts(folder, drafts=True).get("ask").version == in_development


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda root: prompts(root, drafts=("1.0.0",)),
            "desk/ask 1.0.0 is a draft, and served because nothing of it is released: agents prompts release desk/ask 1.0.0",
        ),
        (
            lambda root: prompts(root, deprecated=("1.0.0",)),
            (
                "desk/ask 1.0.0 is deprecated (too old) and served, for there is nothing else: "
                "release another version (agents prompts new desk/ask --minor)"
            ),
        ),
    ],
    ids=["draft", "deprecated"],
)
def test_the_log_says_what_is_served_that_is_no_release(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], Path], says: str
) -> None:
    load_prompts(make(tmp_path) / "desk")
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", says)]


def test_releases_are_nothing_to_tell(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    load_prompts(prompts(tmp_path, "1.0.0", drafts=("1.1.0",)) / "desk")
    assert caplog.records == []


def test_states_are_listed_with_the_reason(tmp_path: Path) -> None:
    registry = load_prompts(prompts(tmp_path, "1.0.0", deprecated=("0.9.0",), drafts=("1.1.0",)) / "desk")
    assert [(one.version, one.state, one.served, one.because) for one in registry.versions()] == [
        ("0.9.0", "deprecated", False, "too old"),
        ("1.0.0", "released", True, None),
        ("1.1.0", "draft", False, None),
    ]
    assert registry.state("ask", "1.1.0") == "draft"


def test_a_broken_draft_fails_the_check_and_stops_no_start_while_it_is_not_served(tmp_path: Path) -> None:
    (prompts(tmp_path, "1.0.0", drafts=("1.1.0",)) / "desk/ask/1.1.0.yaml").write_text("name: tell\n")
    assert load_prompts(tmp_path / "desk").get("ask").version == "1.0.0"
    assert main([str(tmp_path)]) == 1
    with pytest.raises(PromptInvalid, match=r"the prompts in .*/desk cannot be used"):
        load_prompts(tmp_path / "desk", drafts=True)


def test_a_broken_draft_of_a_prompt_that_the_agent_does_not_declare_stops_no_start(tmp_path: Path) -> None:
    (prompts(tmp_path, drafts=("1.0.0",)) / "desk/ask/1.0.0.yaml").write_text("name: tell\n")
    registry = load_prompts(tmp_path / "desk", declared=["tell"])
    with pytest.raises(PromptInvalid, match=r"the prompt desk/ask 1.0.0 cannot be used"):
        registry.get("ask")
    with pytest.raises(PromptInvalid, match=r"the prompts in .* cannot be used"):
        load_prompts(tmp_path / "desk", declared=["ask"])


def test_warnings_are_logged_at_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    draft = prompts(tmp_path, drafts=("1.0.0",)) / "desk/ask/1.0.0.yaml"
    draft.write_text(HELLO.replace("max_tokens: 400", "seed: 1"))
    load_prompts(tmp_path / "desk")
    assert f"{draft}:7:31: warning: no `max_tokens`" in caplog.text


def test_a_release_that_cannot_be_compiled_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    prompts(tmp_path, "1.0.0")
    (tmp_path / "desk/ask/1.0.0.yaml").write_text("name: ask\n")
    (tmp_path / "prompts.lock").write_text(f"desk/ask/1.0.0 sha256:{hashed('name: ask' + chr(10))}\n")
    with pytest.raises(PromptInvalid, match=r"the prompt desk/ask 1.0.0 cannot be used \(1 error\)"):
        load_prompts(tmp_path / "desk").get("ask")


def test_what_is_wrong_with_a_deprecated_version_is_a_note(tmp_path: Path) -> None:
    text = HELLO.replace("max_tokens: 400", "temperature: 1")
    prompts(tmp_path, "1.0.0")
    (tmp_path / "desk/ask/0.9.0.yaml").write_text(text)
    lock = tmp_path / "prompts.lock"
    lock.write_text(f"desk/ask/0.9.0 sha256:{hashed(text)} deprecated\n{lock.read_text()}")
    assert [problem.severity for problem in check_folder(tmp_path)] == ["note"]
    lock.write_text(lock.read_text().replace(" deprecated", ""))
    assert main([str(tmp_path), "--release"]) == 1


def test_evaluations_and_their_cases_are_no_prompts(tmp_path: Path) -> None:
    folder = prompts(tmp_path, "1.0.0") / "desk/ask"
    (folder / "cases.yaml").write_text("cases: []\n")
    (folder / "evaluations").mkdir()
    (folder / "evaluations/1.0.0.json").write_text("{}")
    (folder / "evaluations/1.0.0.yaml").write_text("{}")
    assert wrong(tmp_path) == []
    assert len(load_prompts(tmp_path / "desk").all()) == 1


def test_an_agents_start_does_not_depend_on_other_agents_releases(tmp_path: Path) -> None:
    lock = prompts(tmp_path, "1.0.0") / "prompts.lock"
    lock.write_text(f"builder/make/1.0.0 sha256:{EXPECTED}\n{lock.read_text()}")
    assert load_prompts(tmp_path / "desk").get("ask").version == "1.0.0"
    assert "the folder of the agent builder is gone" in str(check_folder(tmp_path)[0])
