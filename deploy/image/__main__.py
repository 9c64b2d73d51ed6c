"""`python -m deploy.image`: builds the agents' image and proves it, on this machine alone."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from cli.errors import CommandError
from cli.exit_codes import EXIT_CODES, ExitCode
from cli.local.provision.cache import user_cache
from cli.local.provision.progress import Progress
from cli.standalone import run_standalone
from deploy.image import proofs
from deploy.image.build import make_base, make_image, revision_here
from deploy.image.container import container_of, unpacked
from deploy.image.debian import write_lock
from deploy.image.layout import Image, read_layout
from deploy.image.places import LAYOUT, LOCK, OUT
from deploy.image.programs import require
from deploy.image.sbom import audit, write_sbom
from deploy.verify.chart import documents, template
from deploy.verify.proof import Proof, all_hold
from deploy.verify.tools import HELM, provide


@click.group(epilog=f"Example: python -m deploy.image build\n\n{EXIT_CODES}")
def command() -> None:
    """Build the image of all agents, and prove it."""


@command.command(epilog="Example: python -m deploy.image base && docker build .")
def base() -> None:
    """Write what the Dockerfile adds, from Debian's packages: enough for any other builder."""
    for path in make_base():
        click.echo(path)


@command.command()
def build() -> None:
    """Build by buildah into dist/image/oci; prints size, digest and layers."""
    console = Console(highlight=False)
    console.print("building, some minutes the first time …")
    make_base()
    make_image(LAYOUT, revision_here())
    image = read_layout(LAYOUT)
    for layer in image.layers:
        console.print(f"  {layer.size / 1e6:6.1f} MB  {layer.digest}", soft_wrap=True)
    console.print(f"  {image.size / 1e6:6.1f} MB  {image.digest}  in {LAYOUT}", soft_wrap=True)


@command.command(name="audit")
def audit_command() -> None:
    """Ask for known vulnerabilities of the Python packages in the image; fails on any."""
    click.echo(audit(_built()))


@command.command()
def verify() -> None:
    """Prove that the image is small, restricted and reproducible, and that the agents start as the chart starts them."""
    require("runc")
    console, image = Console(highlight=False), _built()
    helm = asyncio.run(_helm(console))
    objects = documents(template(helm, "dev"))
    with unpacked(image) as root:
        one = container_of(next(found for found in objects if found["kind"] == "Deployment"), objects)
        sentences = [
            Proof("the image is small", lambda: proofs.small(image)),
            Proof("nothing in it is there to be misused", lambda: proofs.nothing_to_misuse(image)),
            Proof("its bytecode says no time", lambda: proofs.bytecode_says_no_time(image)),
            Proof("a process in it is restricted", lambda: proofs.restricted(image, root, one)),
            Proof("every agent starts as in the chart", lambda: proofs.agents_start(image, root, objects)),
            Proof("an unknown agent is named", lambda: proofs.unknown_agents_are_named(image, root, one)),
            Proof("all that is in it is in the bill of materials", lambda: str(write_sbom(image))),
            Proof("it is the same when built again", lambda: proofs.reproducible(image)),
        ]
        proved = all_hold(sentences, console)
    sys.exit(ExitCode.OK if proved else ExitCode.FAILED)


@command.command()
def lock() -> None:
    """Renew versions and hashes of Debian's packages in debian.lock."""
    click.echo(f"{write_lock(LOCK)} lines of {LOCK.name} have changed")


def _built() -> Image:
    if not (LAYOUT / "index.json").is_file():
        raise CommandError(f"there is no image in {OUT}", hint="make image", code=ExitCode.NOT_FOUND)
    return read_layout(LAYOUT)


async def _helm(console: Console) -> Path:
    progress = Progress(console)
    step = progress.step(f"{HELM.name} {HELM.version}", HELM.seconds)
    async with progress.shown():
        return await provide(HELM, user_cache(os.environ), os.environ, step)


if __name__ == "__main__":
    run_standalone(command)
