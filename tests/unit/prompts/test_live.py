"""Drafts in development: what is saved is what is asked next, and a broken edit stops nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from domain.chat import Message
from domain.errors import PromptInvalid
from infrastructure.prompts.live import LOOK_EVERY, LiveDrafts
from infrastructure.prompts.releases.authoring import release
from tests.unit.prompts.folders import HELLO, prompts


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def live(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> LiveDrafts:
    caplog.set_level(logging.INFO)
    made = LiveDrafts(prompts(tmp_path, "1.0.0", drafts=("1.1.0",)) / "desk", clock=clock)
    caplog.clear()
    return made


def said(live: LiveDrafts) -> str:
    (message,) = live.get("ask").render({"who": "you"})
    assert isinstance(message, Message)
    return message.content


def edit(root: Path, text: str, version: str = "1.1.0") -> None:
    (root / f"desk/ask/{version}.yaml").write_text(text)


def test_an_edited_draft_is_asked_next(
    tmp_path: Path, clock: Clock, live: LiveDrafts, caplog: pytest.LogCaptureFixture
) -> None:
    assert said(live) == "Hello you"
    edit(tmp_path, HELLO.replace("Hello", "Good morning"))
    clock.now += LOOK_EVERY
    assert said(live) == "Good morning you"
    assert "desk/ask 1.1.0 is read again" in [record.message for record in caplog.records]


def test_it_looks_at_most_every_half_second(tmp_path: Path, clock: Clock, live: LiveDrafts) -> None:
    edit(tmp_path, HELLO.replace("Hello", "Good morning"))
    clock.now += LOOK_EVERY * 0.99
    assert said(live) == "Hello you"


def test_a_new_draft_is_served_as_soon_as_it_is_there(tmp_path: Path, clock: Clock, live: LiveDrafts) -> None:
    edit(tmp_path, HELLO.replace("Hello", "Welcome"), "1.2.0-rc.1")
    clock.now += LOOK_EVERY
    assert live.get("ask").version == "1.2.0-rc.1"
    assert said(live) == "Welcome you"


def test_a_broken_edit_keeps_the_last_good_one_and_is_logged_once(
    tmp_path: Path, clock: Clock, live: LiveDrafts, caplog: pytest.LogCaptureFixture
) -> None:
    edit(tmp_path, HELLO.replace("{{$who}}", "{{who}}"))
    for _ in range(3):
        clock.now += LOOK_EVERY
        assert said(live) == "Hello you"
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "an edit is not used, the last good one goes on" in record.message
    assert f"{tmp_path}/desk/ask/1.1.0.yaml:5:9: error: " in record.message
    edit(tmp_path, HELLO.replace("Hello", "Again,"))
    clock.now += LOOK_EVERY
    assert said(live) == "Again, you"


def test_an_edit_that_does_not_fit_the_agent_is_not_used(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    prompts(tmp_path, "1.0.0", drafts=("1.1.0",))
    live = LiveDrafts(
        tmp_path / "desk",
        lambda prompt: [f"no field {name}" for name in prompt.variables if name != "who"],
        clock,
    )
    edit(tmp_path, HELLO.replace("who", "whom"))
    clock.now += LOOK_EVERY
    assert said(live) == "Hello you"
    assert "no field whom" in caplog.text


def test_an_edited_release_is_not_used_in_development_either(
    tmp_path: Path, clock: Clock, live: LiveDrafts, caplog: pytest.LogCaptureFixture
) -> None:
    edit(tmp_path, HELLO.replace("Hello", "Edited"), "1.0.0")
    clock.now += LOOK_EVERY
    assert said(live) == "Hello you"
    assert "this release was edited" in caplog.text


def test_a_draft_that_is_released_meanwhile_is_a_release(
    tmp_path: Path, clock: Clock, live: LiveDrafts
) -> None:
    assert live.state("ask", "1.1.0") == "draft"
    release(tmp_path, "desk", "ask")
    clock.now += LOOK_EVERY
    live.get("ask")
    assert live.state("ask", "1.1.0") == "released"
    assert [one.version for one in live.versions()] == ["1.0.0", "1.1.0"]
    assert [one.version for one in live.all()] == ["1.0.0", "1.1.0"]
    assert live.version("ask", "1.0.0").version == "1.0.0"


def test_a_folder_that_is_gone_for_a_moment_keeps_the_last_good_one(
    tmp_path: Path, clock: Clock, live: LiveDrafts
) -> None:
    (tmp_path / "desk").rename(tmp_path / "away")
    clock.now += LOOK_EVERY
    assert said(live) == "Hello you"


def test_there_is_nothing_to_begin_with_when_the_draft_is_broken(tmp_path: Path) -> None:
    edit(prompts(tmp_path, "1.0.0", drafts=("1.1.0",)), "name: ask\n")
    with pytest.raises(PromptInvalid, match=r"1.1.0.yaml:1:1: error: no `template`"):
        LiveDrafts(tmp_path / "desk")
