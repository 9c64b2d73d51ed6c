"""deploy/bicep as it is, and broken at one place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from deploy.declared import CHART, ROOT
from deploy.verify.bicep.contracts import Catalog
from deploy.verify.bicep.project import FOLDER, problems

Broken = Callable[[str, str, str], list[str]]


def broken_in(folder: Path, catalog: Catalog = lambda _: None) -> Broken:
    """`broken(file, old, new)`: what is said, without the way to the file, of a copy in which a text stands for another one."""

    def broken(name: str, old: str, new: str) -> list[str]:
        shutil.copytree(ROOT / FOLDER, folder / FOLDER, dirs_exist_ok=True)
        shutil.copytree(ROOT / CHART / "files", folder / CHART / "files", dirs_exist_ok=True)
        file = folder / FOLDER / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        return [said.partition(f"{FOLDER}/")[2] for said in problems(folder / FOLDER, catalog)]

    return broken
