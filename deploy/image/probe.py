"""Tells, from inside a container, what a process may do there and whether all that it could load does load."""

import ctypes
import errno
import json
import os
import re
import sys
from pathlib import Path

STATUS = dict(re.findall(r"^(\w+):\s+(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE))


def writable(folder: str) -> bool:
    try:
        (Path(folder) / ".probe").touch()
    except OSError as error:
        return error.errno not in (errno.EROFS, errno.EACCES, errno.ENOENT)
    return True


def loads(path: Path) -> bool:
    try:
        ctypes.CDLL(str(path), mode=os.RTLD_NOW)
    except OSError as error:
        sys.stderr.write(f"{path}: {error}\n")
        return False
    return True


libraries = [
    path
    for folder in ("/usr/lib", "/opt/libraries")
    for path in Path(folder).rglob("*.so*")
    if path.is_file()
]
places = ["/", "/app", "/etc", "/home", "/opt", "/root", "/run", "/tmp", "/usr", "/usr/lib", "/var"]  # noqa: S108 - asked, not used
sys.stdout.write(
    json.dumps(
        {
            "user": os.getuid(),
            "group": os.getgid(),
            "capabilities": int(STATUS["CapEff"], 16) | int(STATUS["CapBnd"], 16),
            "no_new_privileges": int(STATUS["NoNewPrivs"]),
            "writable": [place for place in places if writable(place)],
            "broken": [str(path) for path in libraries if not loads(path)],
            "libraries": len(libraries),
            "python": sys.version.split()[0],
        }
    )
)
