"""Where an agent's prompts come from: a folder, a commit, or drafts as they are edited."""

from __future__ import annotations

import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agents.service_desk import AGENT as SERVICE_DESK
from domain.errors import PromptInvalid
from infrastructure.host.declared import declared_prompts
from infrastructure.host.settings import Settings, explain
from infrastructure.prompts import live

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Our own prompts, copied."""
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    return tmp_path / "prompts"


def settings(**variables: Any) -> Settings:
    return Settings(_env_file=None, **variables)


def test_the_agents_own_releases_are_served(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    prompts = declared_prompts(SERVICE_DESK, settings(prompts=folder))
    assert prompts.get("triage").version == "1.0.0"
    assert {one.state for one in prompts.versions()} == {"released"}
    assert caplog.records == []


def test_an_edited_release_stops_the_start(folder: Path) -> None:
    with (folder / "service-desk/triage/1.0.0.yaml").open("a") as file:
        file.write("# a word\n")
    with pytest.raises(PromptInvalid, match="this release was edited: expected sha256:"):
        declared_prompts(SERVICE_DESK, settings(prompts=folder))


def test_prompts_of_a_commit_are_served(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        done = subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)
        return done.stdout.decode().strip()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    git("init", "--quiet")
    git("add", "prompts")
    git("commit", "--quiet", "-m", "one")
    commit = git("rev-parse", "HEAD")
    shutil.rmtree(folder)
    pinned = settings(prompts=f"git+file://{tmp_path}@{commit}#prompts")
    assert declared_prompts(SERVICE_DESK, pinned).get("triage").version == "1.0.0"


def test_a_branch_is_refused_with_the_settings_and_without_its_password() -> None:
    with pytest.raises(ValidationError) as caught:
        settings(AGENTS_PROMPTS="git+https://me:s3cret@example.com/x.git@main#prompts")
    said = explain(caught.value)
    assert said.startswith("AGENTS_PROMPTS: 'main' is no commit: branches and tags move")
    assert "s3cret" not in said


def test_a_password_in_the_setting_is_not_shown() -> None:
    made = settings(AGENTS_PROMPTS=f"git+https://me:s3cret@example.com/x.git@{'0' * 40}#prompts")
    assert str(made.prompts) == f"git+https://example.com/x.git@{'0' * 40}#prompts"
    assert "s3cret" not in repr(made)


def test_drafts_are_live_where_the_setting_says_so_and_must_fit_the_agent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "LOOK_EVERY", 0.0)
    released = folder / "service-desk/triage/1.0.0.yaml"
    draft = released.with_name("1.1.0.yaml")
    draft.write_text(released.read_text().replace("You triage", "You do triage"))
    assert declared_prompts(SERVICE_DESK, settings(prompts=folder)).get("triage").version == "1.0.0"
    prompts = declared_prompts(SERVICE_DESK, settings(prompts=folder, prompt_drafts=True))
    assert prompts.get("triage").version == "1.1.0"
    caplog.set_level(logging.INFO)
    draft.write_text(released.read_text().replace("impact", "impakt"))
    assert "You do triage" in prompts.get("triage").source
    assert "the variable impakt has no field to fill it" in caplog.text
    draft.write_text(released.read_text().replace("You triage", "Do triage"))
    assert "Do triage" in prompts.get("triage").source
