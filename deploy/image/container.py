"""Runs the image as the chart's pods do, by an OCI runtime: the same arguments, settings, user, mounts and restrictions."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.errors import CommandError
from deploy.image.build import as_root
from deploy.image.layout import Image
from deploy.image.programs import output_of
from deploy.verify.chart import Document

SECRET = "from-a-secret"  # noqa: S105 - what stands for every Secret here
NAMESPACES = ("pid", "mount", "ipc", "uts")
"""Not the network: whoever asks the probes is on this machine, and so is nobody that the agent could reach."""


@dataclass(frozen=True)
class Container:
    """What Kubernetes would tell its runtime. `files` are those of ConfigMaps, by their place."""

    args: tuple[str, ...]
    user: tuple[int, int]
    env: Mapping[str, str]
    writable: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()

    def instead(self, *entrypoint: str) -> Container:
        """The same with another program."""
        return replace(self, entrypoint=entrypoint, args=())


def container_of(deployment: Document, objects: Sequence[Document], **settings: str) -> Container:
    """The agent's container of a rendered Deployment; `settings` win over its own."""
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    restrictions = container["securityContext"]
    if not restrictions["readOnlyRootFilesystem"] or restrictions["capabilities"] != {"drop": ["ALL"]}:
        raise CommandError(
            f"{deployment['metadata']['name']}: the chart asks for less than a read-only root and no capabilities"
        )
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    maps = {found["metadata"]["name"]: found for found in objects if found["kind"] == "ConfigMap"}
    writable: list[str] = []
    files: dict[str, str] = {}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if "emptyDir" in volume:
            writable.append(mount["mountPath"])
        elif "configMap" in volume:
            data = maps[volume["configMap"]["name"]]["data"]
            files |= {f"{mount['mountPath']}/{name}": text for name, text in data.items()}
    return Container(
        args=tuple(container["args"]),
        user=(pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]),
        env={entry["name"]: entry.get("value", SECRET) for entry in container["env"]} | settings,
        writable=tuple(writable),
        files=files,
    )


@contextlib.contextmanager
def unpacked(image: Image) -> Iterator[Path]:
    """The image's files in a folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="agents-image-") as folder:
        root = Path(folder) / "rootfs"
        root.mkdir()
        for layer in image.layers:
            output_of(
                [
                    *as_root(),
                    "tar",
                    "--extract",
                    "--gzip",
                    "--numeric-owner",
                    f"--directory={root}",
                    f"--file={layer.path}",
                ]
            )
        try:
            yield root
        finally:
            output_of([*as_root(), "rm", "-rf", root])


@contextlib.contextmanager
def running(image: Image, root: Path, container: Container) -> Iterator[subprocess.Popen[bytes]]:
    """The container's process; what it writes comes together. Killed at the end, if it has not ended."""
    name = f"agents-{uuid4().hex[:8]}"
    bundle = root.parent / name
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(_spec(image, root, container, bundle)))
    runc = [*as_root(), "runc", f"--root={bundle / 'state'}"]
    process = subprocess.Popen(
        [*runc, "run", f"--bundle={bundle}", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            subprocess.run([*runc, "kill", name, "KILL"], check=False, capture_output=True)
        process.wait()
        shutil.rmtree(bundle, ignore_errors=True)


def said_by(image: Image, root: Path, container: Container) -> tuple[int, str]:
    """Run to the end: what it answered to the shell, and what it wrote."""
    with running(image, root, container) as process:
        said = process.communicate()[0].decode(errors="replace")
        return process.returncode, said


def _spec(image: Image, root: Path, container: Container, bundle: Path) -> dict[str, Any]:
    config = image.config["config"]
    env = dict(entry.split("=", 1) for entry in config["Env"]) | dict(container.env)
    uid, gid = container.user
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": uid, "gid": gid, "additionalGids": [gid]},
            "args": [*(container.entrypoint or config["Entrypoint"]), *container.args],
            "env": [f"{name}={value}" for name, value in env.items()],
            "cwd": config["WorkingDir"],
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": str(root), "readonly": True},
        "mounts": [*_system(), *_mounts(container, bundle)],
        "linux": {"namespaces": [{"type": name} for name in NAMESPACES]},
    }


def _system() -> list[dict[str, Any]]:
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "mode=755", "size=64k"],
        },
    ]


def _mounts(container: Container, bundle: Path) -> Iterator[dict[str, Any]]:
    for place in container.writable:
        yield {
            "destination": place,
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "nodev", "mode=1777"],
        }
    for number, (place, text) in enumerate(container.files.items()):
        source = bundle / f"file-{number}"
        source.write_text(text)
        source.chmod(0o644)
        yield {"destination": place, "type": "bind", "source": str(source), "options": ["bind", "ro"]}
