"""The bill of materials, as CycloneDX: what is installed in the image, with the hashes of the locks that it came by."""

from __future__ import annotations

import json
import re
import tempfile
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli.errors import CommandError
from deploy.declared import ROOT
from deploy.image.debian import Package, read_lock
from deploy.image.layout import Image, read
from deploy.image.places import LOCK, SBOM
from deploy.image.programs import output_of
from deploy.image.tools import tool

DISTRO = "debian-13"
"""As scanners name what the packages of the lock belong to."""


def write_sbom(image: Image, target: Path = SBOM) -> str:
    """Python packages by cyclonedx-py, Debian's beside them; CommandError when the image and the locks disagree."""
    lock = read_lock(LOCK)
    _same_debian(image, lock.image)
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(installed(image, (ROOT / "requirements.lock").read_text()))
        made = output_of(
            [
                tool("cyclonedx-py"),
                "requirements",
                "--output-reproducible",
                f"--pyproject={ROOT / 'pyproject.toml'}",
                requirements,
            ]
        )
    bom = json.loads(made)
    python = len(bom["components"])
    bom["components"] += [component(package) for package in lock.image]
    target.write_text(json.dumps(bom, indent=1) + "\n")
    return f"{target.relative_to(ROOT)}: {python} Python packages, {len(lock.image)} of Debian"


def audit(image: Image) -> str:
    """Known vulnerabilities of the Python packages, by pip-audit; CommandError when there are some, or nobody could say."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(installed(image, (ROOT / "requirements.lock").read_text()))
        # Strict: what the index knows nothing of is a failure, and no silent pass.
        options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner=off")
        output_of([tool("pip-audit"), *options, f"--requirement={requirements}"])
    return "no known vulnerability"


def installed(image: Image, lock: str) -> str:
    """The entries of requirements.lock that are in the image; CommandError for what is in it and not in the lock."""
    entries = {
        _normal(found[1]): found
        for found in re.finditer(r"^([\w.-]+)==(\S+)(?:.*\n)(?: .*\n?)*", lock, re.MULTILINE)
    }
    lines = []
    for name, version in sorted(_distributions(image)):
        entry = entries.get(name)
        if entry is None or entry[2] != version:
            raise CommandError(
                f"the image holds {name} {version}, requirements.lock {entry[2] if entry else 'nothing of that name'}",
                hint="build the image anew: make image",
            )
        hashes = re.findall(r"--hash=\S+", entry[0])
        lines.append(f"{name}=={version} " + " ".join(hashes))
    return "\n".join(lines) + "\n"


def component(package: Package) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{package.name}@{quote(package.version, safe='')}?arch=amd64&distro={DISTRO}"
    return {
        "bom-ref": f"debian-{package.name}",
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": package.sha256}],
    }


def _distributions(image: Image) -> set[tuple[str, str]]:
    found = set()
    for _, content in read(image, "opt/libraries/*.dist-info/METADATA"):
        fields = BytesParser().parsebytes(content, headersonly=True)
        found.add((_normal(fields["Name"]), fields["Version"]))
    return found


def _same_debian(image: Image, packages: tuple[Package, ...]) -> None:
    inside = set()
    for _, content in read(image, "var/lib/dpkg/status.d/*"):
        fields = BytesParser().parsebytes(content, headersonly=True)
        inside.add((fields["Package"], fields["Version"]))
    locked = {(package.name, package.version) for package in packages}
    if inside != locked:
        named = ", ".join(sorted(" ".join(pair) for pair in inside ^ locked))
        raise CommandError(
            f"image and debian.lock differ in {named}", hint="build the image anew: make image"
        )


def _normal(name: str) -> str:
    """As PEP 503 writes a name."""
    return re.sub(r"[-_.]+", "-", name).lower()
