"""A commit's prompts as a folder: from the cache, or fetched with the command git."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from urllib.parse import urlsplit

from domain.errors import PromptInvalid
from infrastructure.files.writing import write_whole
from infrastructure.prompts.git.address import GitSource

log = logging.getLogger(__name__)

SECONDS = 300
"""For one command of git; it shows no progress, and must not hang for ever."""
_REGULAR = ("100644", "100755")


def folder_of(source: GitSource, cache: Path | None = None) -> Path:
    """The folder of prompts as it is in the commit; fetches what is not in the cache.

    Raises:
        PromptInvalid: it cannot be had, or is not what was asked for.

    """
    home = (cache or user_cache(os.environ)) / source.commit
    home.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # five agents start at once
        repository = home / "git"
        if not repository.is_dir():
            _fetch(source, home)
        files = _listed(source, repository)
        _bring_out(source, files, home)
    except OSError as error:
        raise PromptInvalid(
            f"the prompts of {source} cannot be kept in {home}: {error.strerror or error}"
        ) from None
    finally:
        os.close(descriptor)
    return home / "files" / source.folder


def user_cache(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "my-agents" / "prompts"


def _fetch(source: GitSource, home: Path) -> None:
    """The one commit without its history, whole or not at all."""
    log.info("fetching the prompts of %s", source)
    home.mkdir(exist_ok=True)
    draft = Path(mkdtemp(prefix=".git.", dir=home))
    try:
        _git(source, "init", "--quiet", "--bare", "--", str(draft))
        what = ("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        _git(source, "-C", str(draft), "fetch", *what, "--", source.url, source.commit)
        kind = _git(source, "-C", str(draft), "cat-file", "-t", source.commit).decode().strip()
        if kind != "commit":
            raise PromptInvalid(f"{source.commit} is a {kind} in {source.url}, not a commit")
        draft.rename(home / "git")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _listed(source: GitSource, repository: Path) -> dict[str, str]:
    """Git's hashes of the folder's files, by their paths; links and submodules are no prompts."""
    where = ("--", f"{source.folder}/") if source.folder else ()
    listed = _git(source, "-C", str(repository), "ls-tree", "-r", "-z", source.commit, *where).decode()
    files: dict[str, str] = {}
    for entry in filter(None, listed.split("\0")):
        kind, _, path = entry.partition("\t")
        mode, _, blob = kind.split(" ")
        if mode in _REGULAR and ".." not in PurePosixPath(path).parts:
            files[path] = blob
    if not files:
        raise PromptInvalid(
            f"{source} holds no files: write the folder of the prompts in the repository behind #"
        )
    return files


def _bring_out(source: GitSource, files: Mapping[str, str], home: Path) -> None:
    """Write the files that are not there as they should be, and remove what should not be there."""
    wanted = {home / "files" / path: blob for path, blob in files.items()}
    missing = {path: blob for path, blob in wanted.items() if _blob_name(path) != blob}
    contents = _contents(source, home / "git", list(missing.values()))
    for path, content in zip(missing, contents, strict=True):
        write_whole(path, content)
    for path in (home / "files" / source.folder).rglob("*"):
        if not path.is_dir() and path not in wanted:
            path.unlink()


def _contents(source: GitSource, repository: Path, blobs: list[str]) -> list[bytes]:
    if not blobs:
        return []
    named = "".join(f"{blob}\n" for blob in blobs).encode()
    out = _git(source, "-C", str(repository), "cat-file", "--batch", given=named)
    contents: list[bytes] = []
    at = 0
    for blob in blobs:
        head = out.index(b"\n", at)
        words = out[at:head].split(b" ")
        if words[1] != b"blob":
            raise PromptInvalid(
                f"{repository} has lost {blob}: remove {repository.parent}, to fetch it again"
            )
        end = head + 1 + int(words[2])
        contents.append(out[head + 1 : end])
        at = end + 1
    return contents


def _blob_name(path: Path) -> str | None:
    """How git names a file's content (git-scm.com/book, Git Objects); None when there is no such file."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _git(source: GitSource, *arguments: str, given: bytes | None = None) -> bytes:
    environment = {"GIT_ALLOW_PROTOCOL": urlsplit(source.url).scheme}
    if source.secret:
        # In the environment, where neither `ps` nor the kept repository's configuration shows it.
        token = base64.b64encode(source.secret.encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{source.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {token}",
        }
    try:
        return _run(("git", *arguments), given, environment)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").split("\n")
        said = "; ".join(filter(None, map(str.strip, lines))) or f"git ended with {error.returncode}"
        cure = "is the commit pushed, is the address right, and may this user read it?"
        raise PromptInvalid(f"the prompts of {source} cannot be had: {said} — {cure}") from None
    except subprocess.TimeoutExpired:
        raise PromptInvalid(
            f"the prompts of {source} cannot be had: no answer within {SECONDS} s — is the server reachable?"
        ) from None
    except FileNotFoundError:
        raise PromptInvalid(
            f"the prompts of {source} need the command git: install it, or set AGENTS_PROMPTS to a folder"
        ) from None


def _run(command: tuple[str, ...], given: bytes | None, more: Mapping[str, str]) -> bytes:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")
    }
    quiet = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    }
    done = subprocess.run(
        command, input=given, env=kept | quiet | dict(more), capture_output=True, check=True, timeout=SECONDS
    )
    return done.stdout
