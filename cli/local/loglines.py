"""Log files of bounded size, and lines made readable for people."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic_core import from_json

MAX_BYTES = 10_000_000
MAX_LINE = 16_384
_QUIET_KEYS = {
    *(
        "event",
        "message",
        "msg",
        "level",
        "severity",
        "timestamp",
        "time",
        "ts",
        "agent",
        "exception",
        "stack",
    ),
    *("logger", "caller", "stacktrace"),  # for the file: nobody reads them going by
}
_DAPR = re.compile(r'^time="(?P<time>[^"]+)" level=(?P<level>\w+) msg="(?P<msg>(?:[^"\\]|\\.)*)"')
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class LogFile:
    """Appends bytes as they come; at 10 MB the file becomes `<name>.1` and a new one begins: 20 MB at most."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def close(self) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        # A full disk, or a folder that is gone, must not end what we watch over.
        if self._size > MAX_BYTES:
            with contextlib.suppress(OSError):
                self._begin_anew()
        with contextlib.suppress(OSError):
            self._size += self._file.write(data) or 0

    def _begin_anew(self) -> None:
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        new = self.path.open("ab", buffering=0)
        self._file.close()
        self._file, self._size = new, 0


class Lines:
    """Cuts a stream of bytes into lines; one without an end is given out in pieces, never collected for ever."""

    def __init__(self, give: Callable[[str], None]) -> None:
        self._give = give
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._give(line[:MAX_LINE].decode(errors="replace").rstrip("\r"))
        if len(rest) > MAX_LINE:
            self._give(rest[:MAX_LINE].decode(errors="replace") + " …")
            rest = b""
        self._rest = rest


def readable(line: str) -> tuple[str, str]:
    """Level and text of a log line: structured JSON and daprd's format become `12:03:04 message key=value`."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            return _from_json(from_json(line))
    if match := _DAPR.match(line):
        return match["level"].lower(), f"{_clock(match['time'])} {match['msg']}"
    return "info", _ANSI.sub("", line)


def _from_json(entry: dict[str, Any]) -> tuple[str, str]:
    level = str(entry.get("level") or entry.get("severity") or "info").lower()
    text = entry.get("event") or entry.get("message") or entry.get("msg") or ""
    clock = _clock(str(entry.get("timestamp") or entry.get("time") or entry.get("ts") or ""))
    rest = " ".join(f"{key}={_short(value)}" for key, value in entry.items() if key not in _QUIET_KEYS)
    trace = "".join(f"\n{entry[key]}" for key in ("exception", "stack") if entry.get(key))
    return level, " ".join(part for part in (clock, str(text), rest) if part) + trace


def _clock(time: str) -> str:
    found = re.search(r"\d\d:\d\d:\d\d(?:\.\d{1,3})?", time)
    return found.group() if found else ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
