"""A set of files, made in memory: shown, checked, and written all or none."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cli import deployed
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from infrastructure.prompts.check import check_folder

GENERATED = (
    "docs/schemas", "docs/openapi", "docs/asyncapi.yaml", "docs/errors.md", "deploy/helm/agents/files/declared.yaml",
    *deployed.GENERATED,
)  # fmt: skip
"""What `python -m cli.documents` and `python -m deploy.declared` write."""


@dataclass(frozen=True)
class Change:
    """`files` by path below `root`, each as it is to be; what is not in it stays as it is."""

    root: Path
    files: Mapping[str, str]

    @property
    def new(self) -> list[str]:
        return [path for path in self.files if not (self.root / path).exists()]

    def differences(self) -> Iterator[str]:
        """Lines of a unified diff, new files whole."""
        for path, text in self.files.items():
            file = self.root / path
            before = file.read_text() if file.exists() else ""
            yield from difflib.unified_diff(
                before.splitlines(), text.splitlines(), f"a/{path}" if before else "/dev/null", f"b/{path}", lineterm=""
            )  # fmt: skip

    def check(self) -> None:
        """CommandError when a file cannot be right: then it is a fault of the templates, or of what was there."""
        for path, text in self.files.items():
            if path.endswith(".py"):
                compile(text, path, "exec")
        with TemporaryDirectory() as folder:
            for path, text in self.files.items():
                if path.startswith("prompts/"):
                    file = Path(folder) / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text)
            if problems := check_folder(Path(folder) / "prompts"):
                told = "\n  ".join(str(problem).removeprefix(f"{folder}/") for problem in problems)
                raise CommandError(told, code=ExitCode.INVALID)

    def write(self) -> None:
        """Write every file and the documents that follow from them; when anything fails, all is as it was before."""
        with _undone_on_failure(self.root, [*self.files, *GENERATED]):
            for path, text in self.files.items():
                file = self.root / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            _document(self.root)


def formatted(path: str, text: str, root: Path) -> str:
    """Python in the project's form, where the tools of development are installed; else as the templates have it."""
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    ruff = Path(sys.executable).with_name("ruff")
    if not path.endswith(".py") or not ruff.is_file():
        return text
    # ruff finds out what is the project's own by looking for the file, which is not there yet.
    own = 'lint.isort.known-first-party = ["agents", "domain", "infrastructure"]'
    sorting = ["check", "--fix-only", "--select", "I,F401", "--quiet", "--config", own]
    for words in (sorting, ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, *words, "--no-cache", "--stdin-filename", path, "-"],
            cwd=root, input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        text = done.stdout or text
    return text


@contextmanager
def _undone_on_failure(root: Path, paths: list[str]) -> Iterator[None]:
    files = [file for path in paths for file in _files(root / path)]
    before = {file: file.read_bytes() for file in files if file.exists()}
    folders = {folder for path in paths for folder in (root / path).parents if not folder.exists()}
    try:
        yield
    except BaseException:
        for file in {*files, *(file for path in paths for file in _files(root / path))}:
            if file in before:
                file.write_bytes(before[file])
            else:
                file.unlink(missing_ok=True)
        for folder in sorted(folders, reverse=True):
            for cache in folder.glob("__pycache__/*"):
                cache.unlink()
            for empty in (folder / "__pycache__", folder):
                if empty.is_dir():
                    empty.rmdir()
        raise


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _document(root: Path) -> None:
    """In processes of their own, which import the project as it is now."""
    writers = ["cli.documents", *(["deploy.declared"] if (root / "deploy/declared.py").is_file() else [])]
    for writer in writers:
        done = subprocess.run(
            [sys.executable, "-m", writer],
            cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            told = (done.stderr or done.stdout).strip().splitlines()
            raise CommandError(
                f"the documents could not be written, so nothing was: {told[-1] if told else 'no message'}",
                hint=f"`python -m {writer}` must succeed before something is added",
                code=ExitCode.INVALID,
            )
