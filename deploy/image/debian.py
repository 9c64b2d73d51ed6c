"""The packages of Debian that the image is made of: each pinned by version and hash in debian.lock."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from deploy.image.programs import output_of, require

SUITES = {"debian": "trixie", "debian-security": "trixie-security"}
"""Archives of Debian, and the suite that is taken from each."""
MIRRORS = "DEBIAN_MIRROR"
"""A setting: where Debian's archives lie, as https://HOST/{archive}, or https://HOST/archive/{archive}/{date} where every version is
kept for ever; several with blanks between are asked in turn. Without it, the one that this machine's own apt uses."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Package:
    """`path` is below the mirror and begins with the archive's name."""

    name: str
    version: str
    path: str
    sha256: str

    @property
    def file_name(self) -> str:
        return self.path.rpartition("/")[2]

    def address(self, mirror: str, date: str) -> str:
        archive, _, rest = self.path.partition("/")
        return f"{_filled(mirror, archive, date)}/{rest}"


@dataclass(frozen=True)
class Lock:
    """`image` is what the image holds, `build` what its build needs besides; `date` is a moment when the mirror had all."""

    date: str
    image: tuple[Package, ...]
    build: tuple[Package, ...]


def read_lock(path: Path) -> Lock:
    """The lock, or CommandError with the line that cannot be used."""
    names = _sections(path)
    date = re.search(r"^# date: (\d{8}T\d{6}Z)$", path.read_text(), re.MULTILINE)
    if date is None:
        raise _wrong(path, 1, "there is no line `# date: YYYYMMDDTHHMMSSZ`")
    return Lock(date[1], _packages(path, names["image"]), _packages(path, names["build"]))


def fetch(packages: Iterable[Package], date: str, into: Path) -> list[Path]:
    """The packages' files, fetched where they are not there yet; each has the hash that the lock says."""
    into.mkdir(parents=True, exist_ok=True)
    return [_fetch(package, date, into / package.file_name) for package in packages]


def write_lock(path: Path) -> int:
    """The same packages in the versions that the mirror has now, whose signature apt checks; how many have changed.

    A line may be a name alone, for a package that is new.
    """
    require("apt-get", "apt-cache")
    if not KEYRING.exists():
        raise CommandError(
            f"{KEYRING} is not there, and without it nobody knows what Debian has signed",
            hint="sudo apt-get install debian-archive-keyring",
            code=ExitCode.MISSING,
        )
    before = path.read_text()
    lines = [
        *before.partition("# date:")[0].rstrip().splitlines(),
        f"# date: {datetime.now(UTC):%Y%m%dT%H%M%SZ}",
    ]
    changed = 0
    with tempfile.TemporaryDirectory() as folder:
        apt = _apt(Path(folder))
        output_of(["apt-get", "update", "--quiet"], env=apt)
        for section, entries in _sections(path).items():
            newest = _newest([entry.split()[0] for _, entry in entries], apt)
            changed += sum(line != entry for line, (_, entry) in zip(newest, entries, strict=True))
            lines += ["", f"[{section}]", *newest]
    path.write_text("\n".join(lines) + "\n")
    return changed


def mirrors(environment: Mapping[str, str]) -> list[str]:
    """Those of DEBIAN_MIRROR, else that of a machine which is a Debian itself."""
    if named := environment.get(MIRRORS, "").split():
        return named
    require("apt-get")
    said = output_of(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian"]).decode()
    if found := re.search(r"^(\S+)/debian/?$", said, re.MULTILINE):
        return [found[1] + "/{archive}"]
    raise CommandError(
        "nobody knows where Debian's packages are: this machine's apt names no mirror of Debian",
        hint=f"let {MIRRORS} name one: https://HOST/{{archive}}",
        code=ExitCode.MISSING,
    )


def _filled(mirror: str, archive: str, date: str) -> str:
    return mirror.replace("{archive}", archive).replace("{date}", date)


def _fetch(package: Package, date: str, file: Path) -> Path:
    if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == package.sha256:
        return file
    helper = "/usr/lib/apt/apt-helper"
    require(helper)
    complaints = []
    for mirror in mirrors(os.environ):
        address = package.address(mirror, date)
        try:
            output_of([helper, "download-file", address, file, f"SHA256:{package.sha256}"])
        except CommandError as error:
            complaints.append(f"{address}: {error.message.splitlines()[-1]}")
        else:
            return file
    raise CommandError(
        f"{package.name} {package.version} cannot be had:\n" + "\n".join(complaints),
        hint="is there a network? If Debian has a newer version: make image-lock takes that one, "
        f"or let {MIRRORS} name a mirror that keeps old ones",
        code=ExitCode.BUILD_FAILED,
    )


def _sections(path: Path) -> dict[str, list[tuple[int, str]]]:
    """The lines of [image] and [build], with their numbers."""
    found: dict[str, list[tuple[int, str]]] = {"image": [], "build": []}
    section = ""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif section in found:
            found[section].append((number, line))
        else:
            raise _wrong(path, number, "a package stands below [image] or [build]")
    return found


def _packages(path: Path, lines: list[tuple[int, str]]) -> tuple[Package, ...]:
    packages = []
    for number, line in lines:
        parts = line.split()
        if len(parts) != 4 or not re.fullmatch(r"[0-9a-f]{64}", parts[3]):
            raise _wrong(path, number, "must be: name version path sha256")
        packages.append(Package(*parts))
    return tuple(packages)


def _newest(names: list[str], apt: dict[str, str]) -> list[str]:
    """A line of the lock for each."""
    said = output_of(["apt-cache", "show", "--no-all-versions", *names], env=apt).decode()
    lines = []
    for paragraph in said.strip().split("\n\n"):
        field = dict(re.findall(r"^(Package|Version|Filename|SHA256): (.+)$", paragraph, re.MULTILINE))
        archive = "debian-security" if "/updates/" in field["Filename"] else "debian"
        lines.append(f"{field['Package']} {field['Version']} {archive}/{field['Filename']} {field['SHA256']}")
    return lines


def _apt(folder: Path) -> dict[str, str]:
    """The environment in which apt knows these suites alone, and nothing of this machine."""
    for name in ("lists", "cache"):
        (folder / name / "partial").mkdir(parents=True)
    mirror, now = mirrors(os.environ)[0], f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    (folder / "sources").write_text(
        "".join(
            f"deb [signed-by={KEYRING}] {_filled(mirror, archive, now)} {suite} main\n"
            for archive, suite in SUITES.items()
        )
    )
    settings = {
        "Dir::Etc::sourcelist": folder / "sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "",
    }
    config = folder / "apt.conf"
    config.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    return {"APT_CONFIG": str(config)}


def _wrong(path: Path, number: int, why: str) -> CommandError:
    return CommandError(
        f"{path.name}:{number}: {why}", hint="make image-lock writes such lines", code=ExitCode.INVALID
    )
