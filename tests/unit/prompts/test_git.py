"""Prompts at a commit: a real repository, the real command git, no network."""

from __future__ import annotations

import base64
import re
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeAlias

import pytest

from domain.errors import PromptInvalid
from infrastructure.prompts.git.address import GitSource, read_place, read_source
from infrastructure.prompts.git.fetched import folder_of
from infrastructure.prompts.registry import load_prompts
from tests.unit.prompts.folders import HELLO, prompts

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Git: TypeAlias = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """The command in a repository of prompts; nobody's own configuration has a say."""
    for name, value in {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    repository = tmp_path / "repository"
    repository.mkdir()

    def run(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", "-C", str(repository), *who, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    prompts(repository / "team/prompts", "1.0.0", drafts=("1.1.0",))
    (repository / "README.md").write_text("not asked for\n")
    (repository / "team/prompts/link").symlink_to("/etc/passwd")
    run("add", "-A")
    run("commit", "--quiet", "-m", "one")
    return run


@pytest.fixture
def source(git: Git, tmp_path: Path) -> GitSource:
    return read_source(f"git+file://{tmp_path}/repository@{git('rev-parse', 'HEAD')}#team/prompts")


def test_the_folder_of_the_commit_is_had_whatever_the_branch_says_now(
    source: GitSource, git: Git, tmp_path: Path
) -> None:
    (tmp_path / "repository/team/prompts/desk/ask/1.1.0.yaml").write_text("later")
    git("commit", "--quiet", "-am", "two")
    folder = folder_of(source, tmp_path / "cache")
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()) == [
        "desk/ask/1.0.0.yaml",
        "desk/ask/1.1.0.yaml",
        "prompts.lock",
    ]
    assert (folder / "desk/ask/1.1.0.yaml").read_text() == HELLO
    assert load_prompts(folder / "desk").get("ask").version == "1.0.0"
    assert not list((tmp_path / "cache").rglob("README.md"))


def test_what_is_in_the_cache_needs_no_server(source: GitSource, tmp_path: Path) -> None:
    first = folder_of(source, tmp_path / "cache")
    (tmp_path / "repository").rename(tmp_path / "gone")
    assert folder_of(source, tmp_path / "cache") == first


def test_files_that_were_touched_in_the_cache_are_made_good_again(source: GitSource, tmp_path: Path) -> None:
    folder = folder_of(source, tmp_path / "cache")
    (folder / "desk/ask/1.0.0.yaml").write_text("name: evil\n")
    (folder / "desk/ask/9.0.0.yaml").write_text(HELLO)
    (folder / "desk/ask/1.1.0.yaml").unlink()
    (tmp_path / "repository").rename(tmp_path / "gone")
    folder_of(source, tmp_path / "cache")
    assert sorted(path.name for path in (folder / "desk/ask").iterdir()) == ["1.0.0.yaml", "1.1.0.yaml"]
    assert {path.read_text() for path in (folder / "desk/ask").iterdir()} == {HELLO}


def test_a_commit_that_is_not_there_leaves_nothing_and_can_be_had_later(
    source: GitSource, tmp_path: Path
) -> None:
    wrong = GitSource(source.url, COMMIT, source.folder)
    with pytest.raises(PromptInvalid, match=r"cannot be had: .* — is the commit pushed"):
        folder_of(wrong, tmp_path / "cache")
    assert list((tmp_path / "cache" / COMMIT).iterdir()) == []


def test_a_tree_is_no_commit(git: Git, source: GitSource, tmp_path: Path) -> None:
    tree = git("rev-parse", "HEAD^{tree}")
    with pytest.raises(PromptInvalid, match=r"cannot be had|is a tree in"):
        folder_of(GitSource(source.url, tree, source.folder), tmp_path / "cache")


def test_a_folder_that_the_commit_does_not_have_is_named(source: GitSource, tmp_path: Path) -> None:
    with pytest.raises(PromptInvalid, match="#elsewhere holds no files: write the folder"):
        folder_of(GitSource(source.url, source.commit, "elsewhere"), tmp_path / "cache")


def test_without_git_the_cure_is_said(
    source: GitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptInvalid, match="need the command git: install it"):
        folder_of(source, tmp_path / "cache")


def test_a_git_hooks_environment_leads_nowhere_else(
    source: GitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert (folder_of(source, tmp_path / "cache") / "prompts.lock").exists()


@pytest.mark.parametrize(
    ("text", "url", "folder"),
    [
        (f"git+https://example.com/a/b.git@{COMMIT}#x/y", "https://example.com/a/b.git", "x/y"),
        (f"git+https://example.com/a/b.git@{COMMIT}", "https://example.com/a/b.git", ""),
        (f"git+ssh://git@example.com:22/a/b.git@{COMMIT}#x", "ssh://git@example.com:22/a/b.git", "x"),
        (f"git+file:///srv/b@{COMMIT}#x", "file:///srv/b", "x"),
    ],
)
def test_a_source_is_address_commit_and_folder(text: str, url: str, folder: str) -> None:
    assert read_place(text) == GitSource(url, COMMIT, folder)
    assert str(read_source(text)) == f"git+{url}@{COMMIT}#{folder}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("git+https://example.com/b.git@main#x", "'main' is no commit: branches and tags move"),
        ("git+https://example.com/b.git@v1.0.0#x", "'v1.0.0' is no commit"),
        (f"git+https://example.com/b.git@{COMMIT[:12]}#x", "is no commit"),
        ("git+https://example.com/b.git#x", "write git"),
        (f"git+ext::sh -c id@{COMMIT}", "write git"),
        (f"git+http://example.com/b.git@{COMMIT}", "with one of https, ssh, file"),
        (f"git+--upload-pack=x@{COMMIT}", "write git"),
        (f"git+ssh://-oProxyCommand=id/x@{COMMIT}", "write git"),
        (f"git+https://example.com@{COMMIT}", "write git"),
        (f"git+https://example.com/b@{COMMIT}#../x", "a path within the repository"),
        (f"git+https://example.com/b@{COMMIT}#/etc", "a path within the repository"),
        (f"git+ssh://a:b@example.com/x@{COMMIT}", "a password in the address is for https alone"),
    ],
)
def test_what_is_no_pinned_source_is_refused_with_the_cure(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        read_place(text)


def test_a_password_is_shown_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = read_source(f"git+https://me:s3cr%40t@127.0.0.1:1/b.git@{COMMIT}#x")
    assert source.secret == "me:s3cr@t"
    with pytest.raises(PromptInvalid) as caught:
        folder_of(source, tmp_path)
    for text in (str(source), repr(source), caught.value.message, caplog.text):
        assert "s3cr" not in text
    with pytest.raises(ValueError, match="is no commit") as refused:
        read_source("git+https://me:s3cr%40t@example.com/b.git@main#x")
    assert "s3cr" not in str(refused.value)


def test_a_password_travels_in_the_header_alone(git: Git, tmp_path: Path) -> None:
    del git  # nobody's own configuration has a say
    seen: list[tuple[str, str | None]] = []

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever).start()
        source = GitSource(f"http://127.0.0.1:{server.server_port}/b.git", COMMIT, "", "me:s3cr@t")
        with pytest.raises(PromptInvalid):
            folder_of(source, tmp_path / "cache")
        server.shutdown()
    expected = f"Basic {base64.b64encode(b'me:s3cr@t').decode()}"
    assert seen[0] == ("/b.git/info/refs?service=git-upload-pack", expected)


def test_a_folder_is_a_folder() -> None:
    assert read_place("prompts") == Path("prompts")
    assert read_place(Path("prompts")) == Path("prompts")
