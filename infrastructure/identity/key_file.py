"""The file of API keys that AGENTS_API_KEYS names. Everything that is wrong is told at once, with its place and its cure.

keys:
  - {id: "3f9c2a7be1d0", sha256: "…", roles: [Agents.Operator], note: nightly replays, expires: 2027-05-01}
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from infrastructure.identity.caller import Caller
from infrastructure.identity.keys import ID, Key, Keyring
from infrastructure.identity.roles import Role
from infrastructure.located_yaml.problem import Problem, Report, Spot
from infrastructure.located_yaml.tree import Node, decode, read_tree

log = logging.getLogger(__name__)

EVERY = 5.0
"""Seconds between two looks at the file: a key that is taken out is refused after them."""
_LINE = '- {id: "<id>", sha256: "<hash>", roles: [Agents.Operator]}'
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ROLES = {role.value: role for role in Role}
_FIELDS = ("id", "sha256", "roles", "note", "expires")


class KeysInvalid(ValueError):
    """A file of keys that cannot be used: `problems` has each one's line and cure."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class KeyFile:
    """`ring` is what the file says; while a later state of it cannot be used, what it said before."""

    def __init__(self, path: Path) -> None:
        """Raises `KeysInvalid`."""
        self._path = path
        self._seen, keys = _load(path)
        self._told = ""
        self.ring = Keyring(keys)

    async def caller(self, given: str) -> Caller:
        return self.ring.caller(given)

    async def check(self) -> str | None:
        return None

    async def follow(self) -> None:
        """Take up what changes, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.refresh()

    async def refresh(self) -> None:
        try:
            seen, keys = await asyncio.to_thread(_load, self._path)
        except KeysInvalid as error:
            if self._told != str(error):
                log.error("the API keys of before stay in use: %s", error)  # noqa: TRY400  # it says all there is
            self._seen, self._told = b"", str(error)
            return
        self._told = ""
        if seen != self._seen:
            self._seen, self.ring = seen, Keyring(keys)
            log.info("%d API keys are in use", len(keys))


def line_of(key: Key, note: str = "") -> str:
    """The key as an entry of the file."""
    fields = [f'id: "{key.id}"', f'sha256: "{key.sha256.hex()}"', f"roles: [{', '.join(key.roles)}]"]
    if note:
        fields.append("note: '{}'".format(note.replace("'", "''")))
    if key.expires:
        fields.append(f"expires: {key.expires}")
    return f"- {{{', '.join(fields)}}}"


def _load(path: Path) -> tuple[bytes, list[Key]]:
    report = Report(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        report.error(
            Spot(1), f"cannot be read: {error.strerror}", "set AGENTS_API_KEYS to a file, or leave it out"
        )
        raise KeysInvalid(report.problems) from None
    keys = read_keys(raw, report)
    if report.problems:
        raise KeysInvalid(report.problems)
    return raw, keys


def read_keys(raw: bytes, report: Report) -> list[Key]:
    """What can be read of them; whatever cannot is in the report."""
    text = decode(raw, report)
    root = read_tree(text, report) if text is not None else None
    if root is None or [*root.fields] != ["keys"] or root.fields["keys"].kind != "list":
        if not report.has_errors:
            report.error(
                root or Spot(1), "this is no file of API keys", "write `keys: []`, or below `keys:` " + _LINE
            )
        return []
    found: dict[str, Key] = {}
    for node in root.fields["keys"].items:
        key = _key(node, report)
        if key is not None and key.id in found:
            report.error(node, f"the id {key.id} is there twice", "take one of the two out")
        elif key is not None:
            found[key.id] = key
    return [*found.values()]


def _key(node: Node, report: Report) -> Key | None:
    """None when something is wrong with it. No value is repeated: somebody may have pasted the key itself."""
    before = len(report.problems)
    for name, spot in node.keys.items():
        if name not in _FIELDS:
            report.error(spot, f"the field {name[:40]!r} is unknown", f"known are {', '.join(_FIELDS)}")
    if missing := [name for name in _FIELDS[:3] if name not in node.fields]:
        report.error(
            node, f"a key without {' and '.join(missing)}", f"write {_LINE}; `agents keys new` prints it"
        )
        return None
    key_id, hashed, roles = (node.fields[name] for name in _FIELDS[:3])
    if not ID.fullmatch(key_id.text):
        report.error(
            key_id, "the id is not 12 hexadecimal digits", "copy the line that `agents keys new` printed"
        )
    if not _SHA256.fullmatch(hashed.text):
        report.error(
            hashed,
            "sha256 is not 64 hexadecimal digits",
            "copy the line that `agents keys new` printed; never the key",
        )
    if not roles.items:
        report.error(roles, "a key without a role", f"write a list of {', '.join(_ROLES)}")
    for role in roles.items:
        if role.text not in _ROLES:
            report.error(role, f"{role.text[:40]!r} is no role", f"there are {', '.join(_ROLES)}")
    expires = _date(node.fields["expires"], report) if "expires" in node.fields else None
    if len(report.problems) > before:
        return None
    return Key(
        key_id.text, bytes.fromhex(hashed.text), tuple(_ROLES[role.text] for role in roles.items), expires
    )


def _date(node: Node, report: Report) -> date | None:
    try:
        return date.fromisoformat(node.text)
    except ValueError:
        report.error(node, f"{node.text[:40]!r} is no day", "write one like 2027-05-01")
        return None
