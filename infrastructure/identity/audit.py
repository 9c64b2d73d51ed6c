"""The audit trail of an agent: a record of every privileged act, written before the act, and again with its result.

Records are documents of their own in the state store, `audit:<agent>:<number>`, created once, one number after the other, by
all replicas together; `audit:<agent>` holds a number that was the last one a moment ago. So nothing is listed by a scan, no
record overwrites another, and a gap would show. An act that cannot be recorded is not done.
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
from infrastructure.identity.caller import Caller

log = logging.getLogger("agents.audit")

KEPT = 365 * 86_400
"""Seconds."""
LONGEST = 200
"""Characters of a target."""

Result = Literal["begun", "done", "failed"]


class AuditRecord(Kept):
    """`result` is `begun` while the act goes on, and for ever when the process died in it. `error` is an error's code."""

    id: str
    at: str
    who: str
    roles: tuple[str, ...]
    act: str
    target: str
    result: Result = "begun"
    error: str | None = None
    ended_at: str | None = None


class LastNumber(Kept):
    number: int


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor to go on from, None at the end."""

    records: list[tuple[int, AuditRecord]]
    next: str | None


class AuditTrail:
    def __init__(
        self, store: StateStore, agent: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._agent = agent
        self._root = f"audit:{agent}"
        self._now = now
        self._next: int | None = None
        self._numbering = asyncio.Lock()

    async def begin(self, caller: Caller, act: str, target: str) -> tuple[int, AuditRecord]:
        """Record what is about to be done. Raises `Unavailable`: then it must not be done."""
        record = AuditRecord(
            id=uuid4().hex,
            at=self._now().isoformat(),
            who=caller.name,
            roles=tuple(caller.roles),
            act=act,
            target=target[:LONGEST],
        )
        async with self._numbering:
            return await self._create(record), record

    async def end(self, number: int, record: AuditRecord, result: Result, error: str | None = None) -> None:
        """Record what became of it. While the store is down the log alone has it, and the record stays `begun`."""
        ended = record.model_copy(
            update={"result": result, "error": error, "ended_at": self._now().isoformat()}
        )
        told = ended.model_dump(exclude={"v", "id", "at", "ended_at"}, exclude_none=True)
        log.info("%s %s", ended.act, ended.result, extra={"number": number, **told})
        last = encode(LastNumber(number=number))
        try:
            await self._store.put([(self._key(number), encode(ended)), (self._root, last)], ttl=KEPT)
        except Unavailable as problem:
            log.warning("record %d stays begun: %s", number, problem.message)

    def refuse(self, caller: Caller, act: str, target: str) -> None:
        """An act that the caller's roles do not allow: in the log alone, which nobody can fill the store by."""
        log.warning(
            "%s refused",
            act,
            extra={
                "who": caller.name,
                "roles": [*caller.roles],
                "act": act,
                "target": target[:LONGEST],
                "result": "refused",
            },
        )

    async def page(self, cursor: str | None, limit: int) -> Page:
        """Newest first.

        Raises:
            ValueError: no such cursor.

        """
        number = _parsed(cursor) if cursor else await self._last()
        found: list[tuple[int, AuditRecord]] = []
        while number >= 0 and len(found) < limit:
            record = await read(self._store, AuditRecord, self._key(number))
            if record is None:  # expired, and so are those before it
                return Page(found, None)
            found.append((number, record))
            number -= 1
        return Page(found, str(number) if number >= 0 else None)

    async def _create(self, record: AuditRecord) -> int:
        number = await self._hint() + 1 if self._next is None else self._next
        data = encode(record)
        while not await self._store.create(self._key(number), data, ttl=KEPT):
            there = await self._store.get(self._key(number))
            if there is None:
                raise Unavailable("the store refuses the audit record: is it full? Nothing was done")
            if there.data == data:  # by an earlier try, whose answer was lost
                break
            number = max(number, await self._hint()) + 1
        self._next = number + 1
        return number

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


def _parsed(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 16):
        raise ValueError("no cursor of this trail")
    return int(cursor)
