"""Which versions a run is made with."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.contenders.temporal_server import temporal_version
from benchmarks.suite.programs import Programs
from cli.local.provision.dapr import RUNTIME


def versions(programs: Programs) -> dict[str, str]:
    """Of what everybody uses, and of what each contender asks for, by its lock."""
    found = {
        "Python": platform.python_version(),
        "Dapr": RUNTIME,
        "Redis": _told(programs.redis_server, r"v=(\S+)"),
        "Go": _told(programs.outside, r"go(\S+)"),
        "Temporal server": temporal_version(),
    }
    for contender in CONTENDERS.values():
        asked, lock = contender.folder / "requirements.in", contender.folder / "requirements.lock"
        if asked.exists():
            pinned = dict(
                re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", lock.read_text(), re.MULTILINE)
            )
            packages = [f"{name} {pinned[name]}" for name in _asked(asked)]
            found[contender.folder.name] = ", ".join(packages)
    return found


def _told(program: Path, pattern: str) -> str:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = re.search(pattern, told)
    return version.group(1) if version else told


def _asked(file: Path) -> list[str]:
    """The names in a requirements.in, and in those that it takes in (`-r`)."""
    text = file.read_text()
    others = re.findall(r"^-r\s+(\S+)", text, re.MULTILINE)
    names = [name for other in others for name in _asked(file.parent / other)]
    return names + re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text, re.MULTILINE)
