"""What is true of the image: each function returns what it looked at, or raises CommandError with what is wrong."""

from __future__ import annotations

import json
import shutil
import stat
import time
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from subprocess import Popen

from cli.errors import CommandError
from cli.local.ports import free_ports
from deploy.image.base import USER
from deploy.image.build import REVISION, make_image
from deploy.image.container import Container, container_of, running, said_by
from deploy.image.layout import Image, files, read, read_layout
from deploy.image.places import OUT
from deploy.verify.chart import Document

LARGEST = 150_000_000
"""Bytes to pull."""
PROBE = Path(__file__).with_name("probe.py")
"""Runs in the container."""
UNCHECKED_HASH = bytes([1, 0, 0, 0])
CONFIGURATION = 78
"""What an agent answers to the shell when it cannot use what it was given."""
STARTS_WITHIN = 300.0
"""Seconds; only where a container neither ends nor answers."""


def small(image: Image) -> str:
    if image.size > LARGEST:
        raise CommandError(f"{image.size / 1e6:.1f} MB to pull, more than {LARGEST / 1e6:.0f}")
    return f"{image.size / 1e6:.1f} MB to pull, {len(image.layers)} layers"


def nothing_to_misuse(image: Image) -> str:
    """No shell, no program but Python, no bit that raises privileges, nothing that others may write but /tmp."""
    found = files(image)
    programs = [name for name in found if PurePosixPath(name).parent.name in {"bin", "sbin"}]
    wrong = [f"/{name} is a program" for name in programs if not name.startswith("usr/bin/python3")]
    for name, member in found.items():
        if member.mode & (stat.S_ISUID | stat.S_ISGID):
            wrong.append(f"/{name} runs as another user")
        if member.mode & stat.S_IWOTH and not member.issym() and name != "tmp":
            wrong.append(f"/{name} may be written by everyone")
        if member.uid == USER:
            wrong.append(f"/{name} belongs to the user of the agents")
    if image.config["config"].get("User") != f"{USER}:{USER}":
        wrong.append(f"the user is {image.config['config'].get('User')}")
    if wrong:
        raise CommandError("\n".join(wrong))
    return f"{len(found)} files, all of root; the programs are {', '.join(sorted(programs))}; user {USER}"


def bytecode_says_no_time(image: Image) -> str:
    """Each is bound to its source by hash, unchecked (PEP 552): else no two builds are the same."""
    compiled = {name: content[4:8] for name, content in read(image, "*.pyc")}
    wrong = [f"/{name}" for name, flags in sorted(compiled.items()) if flags != UNCHECKED_HASH]
    if wrong:
        raise CommandError(
            f"{len(wrong)} files were compiled with the time of their source: {', '.join(wrong[:5])}"
        )
    return f"{len(compiled)} files"


def restricted(image: Image, root: Path, container: Container) -> str:
    """What a process in it may do, and whether all that it could load does load: said by such a process."""
    code, said = said_by(image, root, container.instead("/usr/bin/python3", "-c", PROBE.read_text()))
    if code != 0:
        raise CommandError(f"the probe ended with {code}: {said}")
    *complaints, last = said.splitlines()
    seen = json.loads(last)
    wanted = {
        "user": USER,
        "group": USER,
        "capabilities": 0,
        "no_new_privileges": 1,
        "writable": ["/tmp"],  # noqa: S108 - the place that the chart gives it
        "broken": [],
    }
    wrong = [f"{name} is {seen[name]}, not {value}" for name, value in wanted.items() if seen[name] != value]
    if wrong:
        raise CommandError("\n".join([*wrong, *complaints]))
    return f"user {USER}, no capabilities, writes to /tmp alone; {seen['libraries']} shared objects load, Python {seen['python']}"


def agents_start(image: Image, root: Path, objects: list[Document]) -> str:
    """Each Deployment of the chart, as the chart has it but for the port, until its liveness probe answers."""
    started = []
    for deployment in objects:
        if deployment["kind"] != "Deployment":
            continue
        name, (port,) = deployment["metadata"]["name"], free_ports(1)
        (declared,) = deployment["spec"]["template"]["spec"]["containers"]
        container = container_of(deployment, objects, APP_PORT=str(port))
        with running(image, root, container) as process:
            _wait_for(process, f"http://127.0.0.1:{port}{declared['livenessProbe']['httpGet']['path']}", name)
        started.append(name)
    return ", ".join(started)


def unknown_agents_are_named(image: Image, root: Path, container: Container) -> str:
    target = "agents.nobody:AGENT"
    code, said = said_by(
        image, root, container.instead("/usr/bin/python3", "-m", "infrastructure.host", target)
    )
    if code != CONFIGURATION or target not in said or "Traceback" in said:
        raise CommandError(f"the answer to {target} is {code}: {said}")
    return said.strip()


def reproducible(image: Image) -> str:
    """Built once more, from nothing."""
    again = OUT / "oci-again"
    make_image(again, image.config["config"]["Labels"][REVISION])
    second = read_layout(again)
    if image.digest != second.digest:
        pairs = zip(image.layers, second.layers, strict=True)
        differ = [
            f"{one.diff_id} and {other.diff_id}" for one, other in pairs if one.diff_id != other.diff_id
        ]
        raise CommandError(
            f"{image.digest} and {second.digest}, in {OUT}; layers: {', '.join(differ) or 'the same'}",
            hint="was it built from this working tree? make image",
        )
    shutil.rmtree(again)
    return f"{image.digest} twice"


def _wait_for(process: Popen[bytes], address: str, name: str) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            said = process.communicate()[0].decode(errors="replace").strip()
            raise CommandError(f"{name} ended with {process.returncode}: {said}")
        try:
            with urllib.request.urlopen(address, timeout=10):  # noqa: S310 - our own probe
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise CommandError(f"{name} does not answer {address} within {STARTS_WITHIN:.0f} s")
