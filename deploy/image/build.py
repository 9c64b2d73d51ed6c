"""Builds the Dockerfile by buildah, as any user, and writes the image as an OCI layout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy.declared import ROOT
from deploy.image.base import write_base, write_whole
from deploy.image.debian import fetch, read_lock
from deploy.image.places import LOCK, NAME, OUT
from deploy.image.programs import output_of, require

WRITTEN = 0
"""Seconds since 1970 that every file of the image and the image itself say. One moment for all versions, so that a
layer in which nothing has changed keeps its digest."""
REVISION = "org.opencontainers.image.revision"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def make_base() -> tuple[Path, Path]:
    """What the Dockerfile adds: the root file system, and what the build needs besides."""
    require("dpkg-deb")
    lock = read_lock(LOCK)
    base, build = OUT / "base.tar", OUT / "build.tar"
    write_base(fetch(lock.image, lock.date, OUT / "packages"), base)
    write_whole(fetch(lock.build, lock.date, OUT / "packages"), build)
    return base, build


def make_image(layout: Path, revision: str) -> None:
    """Build from nothing, in a store of its own that is gone afterwards."""
    require("buildah", *(() if os.geteuid() == 0 else ("newuidmap",)))
    store = OUT / "store"
    _remove(store)
    # Files as they are: needs no mounts, which some machines do not allow and which outlive a build that is killed.
    buildah: list[str | Path] = [
        "buildah",
        "--storage-driver=vfs",
        "--root",
        store,
        "--runroot",
        store / "run",
    ]
    options = (
        "--isolation=chroot",  # asks for no privilege that a container on a build machine has not
        f"--timestamp={WRITTEN}",
        f"--label={REVISION}={revision}",
        *_of_this_machine(os.environ),
    )
    output_of([*buildah, "build", *options, f"--tag={NAME}", ROOT])
    shutil.rmtree(layout, ignore_errors=True)
    output_of([*buildah, "push", "--quiet", NAME, f"oci:{layout}:{NAME}"])
    _remove(store)


def revision_here() -> str:
    """The commit that is built, and whether files of it are changed."""
    revision = output_of(["git", "rev-parse", "HEAD"], cwd=ROOT).decode().strip()
    changed = output_of(["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT).strip()
    return f"{revision}-changed" if changed else revision


def _remove(store: Path) -> None:
    """As root of the user's own range of ids, to whom the files in it belong."""
    if store.exists():
        output_of([*as_root(), "rm", "-rf", store])


def as_root() -> list[str]:
    """What runs a program as root of a user namespace, where the user is not root."""
    return [] if os.geteuid() == 0 else ["buildah", "unshare"]


def _of_this_machine(environment: Mapping[str, str]) -> list[str]:
    """How this machine reaches the package index: pip's configuration and the certificates that it trusts."""
    places = (
        Path(environment.get("PIP_CONFIG_FILE", "/nonexistent")),
        Path(environment.get("HOME", "/nonexistent")) / ".config/pip/pip.conf",
        Path("/etc/pip.conf"),
    )
    options = [f"--secret=id=pip,src={place}" for place in places if place.is_file()][:1]
    if CERTIFICATES.is_file():
        options.append(f"--volume={CERTIFICATES}:{CERTIFICATES}:ro")
    return options
