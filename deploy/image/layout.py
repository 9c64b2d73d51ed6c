"""Reads an OCI layout: an image's digest, configuration, layers and files."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

DELETED = ".wh."
"""Before the name of a file that a layer takes away."""


@dataclass(frozen=True)
class Layer:
    """`size` in bytes as it is pulled, compressed; `diff_id` is the hash of what is in it, however it is compressed."""

    path: Path
    digest: str
    diff_id: str
    size: int


@dataclass(frozen=True)
class Image:
    digest: str
    config: dict[str, Any]
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Bytes to pull."""
        return sum(layer.size for layer in self.layers)


def read_layout(folder: Path) -> Image:
    """The one image in it."""
    (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(folder, entry["digest"]).read_text())
    config = json.loads(_blob(folder, manifest["config"]["digest"]).read_text())
    layers = tuple(
        Layer(_blob(folder, layer["digest"]), layer["digest"], diff_id, layer["size"])
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    )
    return Image(entry["digest"], config, layers)


def files(image: Image) -> dict[str, tarfile.TarInfo]:
    """What a container sees, by path without the first slash."""
    found: dict[str, tarfile.TarInfo] = {}
    for layer in image.layers:
        with tarfile.open(layer.path) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if path.name.startswith(DELETED):
                    gone = str(path.with_name(path.name.removeprefix(DELETED)))
                    found = {name: kept for name, kept in found.items() if not _below(name, gone)}
                else:
                    found[str(path)] = member
    return found


def read(image: Image, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Files whose path matches, with what is in them."""
    for layer in image.layers:
        with tarfile.open(layer.path) as tar:
            for member in tar:
                if PurePosixPath(member.name).match(pattern) and (file := tar.extractfile(member)):
                    yield member.name, file.read()


def _below(name: str, folder: str) -> bool:
    return name == folder or name.startswith(folder + "/")


def _blob(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return folder / "blobs" / algorithm / value
