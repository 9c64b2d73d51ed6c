"""How long a saved file takes to be in force under `agents up --watch`: `python -m benchmarks.hot_reload`.

A copy of this project is started, one line is added to a module of one agent, and the clock runs from the save until the new process
answers `/readyz`. The four other agents run on beside it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
SAVES = 10
AGENT, MODULE = "implementation", "agents/implementation/rules.py"
OFFSET = "12340"
COPIED = ["agents", "cli", "components", "domain", "infrastructure", "prompts", "dapr.yaml", "pyproject.toml"]
LOOK = 0.02
"""Seconds between two looks at the log."""
PATIENCE = 60.0


class Copy:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            else:
                shutil.copy(source, folder / name)
        (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
        self.environment = {
            **os.environ,
            "AGENTS_PORT_OFFSET": OFFSET,
            "PYTHONPATH": str(folder),
            "NO_COLOR": "1",
        }
        self.log = folder / f".run/offset-{OFFSET}/logs/agents.log"

    def agents(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"agents {' '.join(words)} failed")
        return done.stdout

    def pid(self) -> int:
        services: list[dict[str, Any]] = json.loads(self.agents("status", "--json"))["services"]
        return next(int(one["pid"]) for one in services if one["name"] == AGENT)

    def starts(self) -> int:
        return self.log.read_text().count(f"{AGENT}: ready after")


def main() -> None:
    with TemporaryDirectory() as place:
        copy = Copy(Path(place) / "project")
        try:
            copy.agents("up", "--watch", "--detach")
            took = []
            for number in range(1, SAVES + 1):
                took.append(one(copy, number))
                print(f"save {number} of {SAVES}: {took[-1]:.2f} s", file=sys.stderr)
        finally:
            copy.agents("down")
    print(f"{SAVES} saves: in force after {median(took):.2f} s (median), {max(took):.2f} s at most")


def one(copy: Copy, number: int) -> float:
    old, starts = copy.pid(), copy.starts()
    with (copy.folder / MODULE).open("a") as module:
        module.write(f"# {number}\n")
    saved = time.monotonic()
    while copy.starts() == starts:
        if time.monotonic() - saved > PATIENCE:
            sys.exit(f"not in force after {PATIENCE:.0f} s; {copy.log} says why")
        time.sleep(LOOK)
    took = time.monotonic() - saved
    if copy.pid() == old:
        sys.exit(f"{AGENT} said that it was ready and is process {old} still")
    return took


if __name__ == "__main__":
    main()
