"""What a program imports of the project, read from the files: nothing is run for it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("agents", "domain", "infrastructure")
"""Where the code of an agent's process lives."""


class Imports:
    """Each file is parsed once for as long as it looks the same."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, tuple[int, frozenset[str]]] = {}

    def of(self, modules: Iterable[str]) -> set[Path]:
        """The files of the modules and of everything they import, directly or not. A file that cannot be parsed imports
        what it did before.
        """
        found: set[Path] = set()
        waiting = list(modules)
        while waiting:
            for file in self._files(waiting.pop()):
                if file not in found:
                    found.add(file)
                    waiting.extend(self._imported(file))
        return found

    def _files(self, module: str) -> Iterator[Path]:
        """The module's file, and those of the packages around it, which run first."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            place = self._root.joinpath(*parts[:length])
            for file in (place / "__init__.py", place.with_suffix(".py")):
                if file.is_file():
                    yield file

    def _imported(self, file: Path) -> frozenset[str]:
        before = self._known.get(file)
        try:
            changed = file.stat().st_mtime_ns
            if before is None or before[0] != changed:
                self._known[file] = changed, frozenset(_names(ast.parse(file.read_bytes())))
        except (SyntaxError, ValueError, OSError):  # half written, or gone since it was listed
            return before[1] if before else frozenset()
        return self._known[file][1]


def _names(tree: ast.Module) -> Iterator[str]:
    """Absolute imports anywhere in a module: `from a.b import c` may mean the module a.b.c."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in PACKAGES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
