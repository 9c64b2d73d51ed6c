"""How long an agent's start takes with many versions of prompts, and how much memory: `python -m benchmarks.prompt_loading`.

Writes a folder of prompts like ours (2 to 3 KB each) and loads it in a process of its own, as the host does at start: every
released file is hashed, and what is served of the prompts that the agent declares is compiled. MB is what the process grew by.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.prompt import PromptState
from infrastructure.prompts.registry import load_prompts

ROOT = Path(__file__).parents[1]
SHAPES = ((50, 100), (500, 10), (5000, 1))
"""Prompts, and versions of each."""
DECLARED = 50
"""Prompts that the agent declares: ours declare up to three."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prompt_loading", description=__doc__)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    measured = parser.parse_args().measure
    if measured:
        print(json.dumps(measure(measured)))
        return
    print(f"{'prompts':>8} {'versions':>9} {'state':>9} {'seconds':>8} {'MB':>6}")
    for prompts, versions in SHAPES:
        states: tuple[PromptState, ...] = ("released", "draft")
        for state in states:
            with TemporaryDirectory() as folder:
                write(Path(folder), prompts, versions, state)
                command = [sys.executable, "-m", "benchmarks.prompt_loading", "--measure", f"{folder}/desk"]
                done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
            seconds, megabytes = json.loads(done.stdout)
            total = prompts * versions
            print(f"{prompts:>8,} {total:>9,} {state:>9} {seconds:>8.2f} {megabytes:>6.1f}", flush=True)


def write(root: Path, prompts: int, versions: int, state: PromptState) -> None:
    """Copies of our own prompts, each a little different; with a lock when they are releases."""
    originals = [path.read_text() for path in sorted((ROOT / "prompts").glob("*/*/1.0.0.yaml"))]
    lines: list[str] = []
    for number in range(prompts):
        original = originals[number % len(originals)]
        _, _, rest = original.partition("\n")
        name = f"prompt-{number}"
        folder = root / "desk" / name
        folder.mkdir(parents=True)
        for minor in range(versions):
            content = f"name: {name}\n{rest}# {minor}\n".encode()
            (folder / f"1.{minor}.0.yaml").write_bytes(content)
            lines.append(f"desk/{name}/1.{minor}.0 sha256:{hashlib.sha256(content).hexdigest()}\n")
    if state == "released":
        (root / "prompts.lock").write_text("".join(sorted(lines)))


def measure(folder: Path) -> tuple[float, float]:
    declared = [f"prompt-{number}" for number in range(DECLARED)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    registry = load_prompts(folder, declared=declared)
    for name in declared:
        registry.get(name)
    seconds = time.perf_counter() - began
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


if __name__ == "__main__":
    main()
