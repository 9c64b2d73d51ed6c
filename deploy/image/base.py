"""The root file system under the agents: files of Debian's packages, without shell, package manager and documentation."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from deploy.image.programs import output_of

KEPT = (
    "usr/bin/python3*",
    "usr/lib/*",
    "usr/lib64/*",
    "usr/share/common-licenses/*",
    "usr/share/doc/*/copyright",
    "usr/share/zoneinfo/*",
    "etc/*",
)
"""Beside directories and links at the top. There is no other program than the interpreter."""
LEFT_OUT = (
    "etc/profile*",
    "etc/skel/*",
    "etc/update-motd.d/*",
    # Audit modules of the loader, character sets of iconv, engines of OpenSSL: nothing here asks for them.
    "usr/lib/*/audit/*",
    "usr/lib/*/engines-3/*",
    "usr/lib/*/gconv/*",
    # For those who debug the C library.
    "usr/lib/*/libc_malloc_debug.so*",
    "usr/lib/*/libmemusage.so*",
    "usr/lib/*/libpcprofile.so*",
    "usr/lib/*/libthread_db.so*",
    # What belongs to terminals, to databases that are not installed, to installing, and to testing Python itself.
    "usr/lib/python3.*/lib-dynload/_curses*",
    "usr/lib/python3.*/lib-dynload/_dbm*",
    "usr/lib/python3.*/lib-dynload/_sqlite3*",
    "usr/lib/python3.*/lib-dynload/_test*",
    "usr/lib/python3.*/lib-dynload/_xxtest*",
    "usr/lib/python3.*/lib-dynload/readline*",
    "usr/lib/python3.*/ensurepip/*",
    "usr/lib/python3.*/pydoc_data/*",
)
CERTIFICATES = re.compile(r"usr/share/ca-certificates/mozilla/.+\.crt")
Members = dict[str, tuple[tarfile.TarInfo, bytes]]
USERS = {
    "etc/passwd": "root:x:0:0:root:/nonexistent:/nonexistent\nagent:x:65532:65532:agent:/nonexistent:/nonexistent\n",
    "etc/group": "root:x:0:\nagent:x:65532:\n",
}
"""In a system with a package manager scripts write these."""
USER = 65532
"""Under whose id the agents run, as in images of the distroless family."""


def write_base(packages: Iterable[Path], target: Path) -> None:
    """A tar with what is kept of the packages: the same packages give the same bytes."""
    members: Members = {}
    certificates = []
    for package in packages:
        for member, content in _members(package):
            if CERTIFICATES.fullmatch(member.name):
                certificates.append(content)
            elif is_kept(member.name):
                members[member.name] = (member, content)
        # Where scanners of images look for what is installed, when there is no package manager.
        note = f"var/lib/dpkg/status.d/{package.name.partition('_')[0]}"
        members[note] = _file(note, output_of(["dpkg-deb", "--field", package]))
    bundle = "etc/ssl/certs/ca-certificates.crt"  # what update-ca-certificates makes of them
    members[bundle] = _file(bundle, b"".join(certificates))
    members |= {name: _file(name, text.encode()) for name, text in USERS.items()}
    _write(members, target)


def write_whole(packages: Iterable[Path], target: Path) -> None:
    """A tar with all that the packages hold: for the stage that builds."""
    _write({found[0].name: found for package in packages for found in _members(package)}, target)


def _write(members: Members, target: Path) -> None:
    """Sorted, of root, without times."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(members):
            member, content = members[name]
            member.mtime = member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.pax_headers = {}
            tar.addfile(member, io.BytesIO(content))


def is_kept(name: str) -> bool:
    if "/" not in name:
        return True
    return _matches(name, KEPT) and not _matches(name, LEFT_OUT)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _members(package: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    data = output_of(["dpkg-deb", "--fsys-tarfile", package])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            member.name = member.name.removeprefix("./").rstrip("/")
            if member.name in {"", "."}:
                continue
            file = tar.extractfile(member) if member.isfile() else None
            yield member, file.read() if file else b""


def _file(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.mode, member.size = 0o644, len(content)
    return member, content
