"""A copy of this project in a temporary folder, for commands that change it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COPIED = [
    "agents", "cli", "components", "docs", "domain", "infrastructure", "prompts", "tests/unit/agents",
    "dapr.yaml", "pyproject.toml", "Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",
]  # fmt: skip


class ProjectCopy:
    """`run` is a command of its own tools: what is imported is the copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder / name)
        (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTS_")}
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env={**environment, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )  # fmt: skip

    def agents(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("cli", *words)

    def content(self) -> dict[str, bytes]:
        """Every file of the project by path, without what tools leave behind."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for name in _COPIED
            for path in sorted((self.folder / name).rglob("*") if (self.folder / name).is_dir() else [self.folder / name])
            if path.is_file() and "__pycache__" not in path.parts
        }  # fmt: skip
