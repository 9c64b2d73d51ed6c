"""The audit trail of an agent: every privileged act is recorded before it is done, and its result after.

Records are documents of their own in the state store, `audit:<agent>:<number>`, one number after the other by all replicas
together; each is created once and never written again, so none takes another's place, and a gap would show. The result lies
beside it, and `audit:<agent>` holds a number that was the last one a moment ago: nothing is listed by a scan.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from domain.documents import Kept, encode, read
from domain.errors import Unavailable
from domain.ports.state import StateStore
from domain.secret_forms import hide_secrets
from infrastructure.identity.caller import Caller

log = logging.getLogger("agents.audit")

KEPT = 365 * 86_400
"""Seconds."""
LONGEST = 200
"""Characters of a target, bytes of what was given with it."""
_TOGETHER = 25
"""Records that are read at once."""


class Act(Kept):
    """What was about to be done, and by whom. `id` is random: by it a replica knows its own record again."""

    id: str
    at: str
    who: str
    roles: tuple[str, ...]
    act: str
    target: str
    given: str | None = None
    """The beginning of the request's body: shares, a version, a reason. None where there was none."""


class Result(Kept):
    """`error` is an error's code."""

    result: Literal["done", "failed"]
    error: str | None = None
    at: str


class LastNumber(Kept):
    number: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """`result` is None while the act goes on; for ever, when the process or the store died in it."""

    number: int
    act: Act
    result: Result | None


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor to go on from, None at the end."""

    records: list[Recorded]
    next: str | None


class AuditTrail:
    def __init__(
        self, store: StateStore, agent: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._root = f"audit:{agent}"
        self._now = now
        self._next: int | None = None
        self._numbering = asyncio.Lock()

    async def begin(self, caller: Caller, act: str, target: str, given: bytes = b"") -> Recorded:
        """Record what is about to be done. Raises `Unavailable`: then it must not be done."""
        record = Act(
            id=uuid4().hex,
            at=self._now().isoformat(),
            who=caller.name,
            roles=tuple(caller.roles),
            act=act,
            target=target[:LONGEST],
            given=_kept(given) or None,
        )
        async with self._numbering:
            return Recorded(await self._create(record), record, None)

    async def end(self, begun: Recorded, result: Literal["done", "failed"], error: str | None = None) -> None:
        """Record what became of it. While the store is down, the log alone has it."""
        told = _told(begun.act) | {"number": begun.number, "result": result, "error": error}
        log.info(
            "%s %s", begun.act.act, result, extra={name: it for name, it in told.items() if it is not None}
        )
        kept = encode(Result(result=result, error=error, at=self._now().isoformat()))
        # What was begun here since then is further on: a long act must not put the number back.
        last = encode(LastNumber(number=max(begun.number, (self._next or 0) - 1)))
        try:
            await self._store.put([(self._result(begun.number), kept), (self._root, last)], ttl=KEPT)
        except Unavailable as problem:
            log.warning("the result of record %d is in the log alone: %s", begun.number, problem.message)

    def refuse(self, caller: Caller, act: str, target: str) -> None:
        """An act that the caller's roles do not allow: in the log alone, so that nobody can fill the store by asking."""
        told = {"who": caller.name, "roles": [*caller.roles], "act": act, "target": target[:LONGEST]}
        log.warning("%s refused", act, extra={**told, "result": "refused"})

    async def page(self, cursor: str | None, limit: int) -> Page:
        """Newest first.

        Raises:
            ValueError: no such cursor.

        """
        number = _parsed(cursor) if cursor else await self._last()
        found: list[Recorded] = []
        while number >= 0 and len(found) < limit:
            numbers = range(number, max(number - min(_TOGETHER, limit - len(found)), -1), -1)
            records = await asyncio.gather(*map(self._read, numbers))
            there = [record for record in records if record is not None]
            found += there
            if len(there) < len(records):  # the others have expired, and so have all before them
                return Page(found, None)
            number = numbers[-1] - 1
        return Page(found, str(number) if number >= 0 else None)

    async def _create(self, act: Act) -> int:
        number = await self._hint() + 1 if self._next is None else self._next
        data = encode(act)
        while not await self._store.create(self._key(number), data, ttl=KEPT):
            there = await self._store.get(self._key(number))
            if there is None:
                raise Unavailable("the store refuses the audit record, so nothing was done: is it full?")
            if there.data == data:  # by an earlier try, whose answer was lost
                break
            number = max(number, await self._hint()) + 1
        self._next = number + 1
        return number

    async def _read(self, number: int) -> Recorded | None:
        act = await read(self._store, Act, self._key(number))
        return Recorded(number, act, await read(self._store, Result, self._result(number))) if act else None

    async def _last(self) -> int:
        number = await self._hint()
        while await self._store.get(self._key(number + 1)) is not None:
            number += 1
        return number

    async def _hint(self) -> int:
        last = await read(self._store, LastNumber, self._root)
        return last.number if last else -1

    def _key(self, number: int) -> str:
        return f"{self._root}:{number}"

    def _result(self, number: int) -> str:
        return f"{self._key(number)}:result"


def _kept(given: bytes) -> str:
    """A record stays as it is for a year: no secret that has a form goes into it, not even the first half of one."""
    hidden = hide_secrets(given.decode(errors="replace"), "***", begun=True).encode()
    return hidden[:LONGEST].decode(errors="ignore")


def _told(act: Act) -> dict[str, object]:
    return act.model_dump(mode="json", exclude={"v", "id", "at"})


def _parsed(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 16):
        raise ValueError("no cursor of this trail")
    return int(cursor)
