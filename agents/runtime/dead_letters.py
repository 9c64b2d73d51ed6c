"""Dead letters: an index of what failed for good, newest first, and doing it again.

Listing scans nothing: letters lie in pages of a hundred, `dead-letters:{agent}:{n}`, and `dead-letters:{agent}` holds the
number of the last. A letter's place is decided first, by creating `dead-letter:{id}` once; then its page is changed by
ETag. So adding it again, after any crash, finds it where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from agents.runtime.agent import Agent
from agents.runtime.documents import create
from agents.runtime.records import is_whole
from domain.documents import Kept, encode, read, update
from domain.errors import DeadLetterSettled, DocumentUnreadable, UnknownDeadLetter
from domain.execution import Claim, DeadLetter, Trigger
from domain.ports.state import StateStore

PAGE = 100
"""Letters on a page before the next one is begun; those that come at the same moment may exceed it."""
PAGES = 20
"""How many pages one listing looks at: whoever filters for something rare gets a cursor to go on from."""
WHOLE = 1_000_000
"""More letters than a page can hold."""

Letters: TypeAlias = Mapping[str, DeadLetter]


class DeadLetterPlace(Kept):
    """Where a letter lies; for the index itself, which page is the last."""

    page: int


class DeadLetterPage(Kept):
    letters: Letters


@dataclass(frozen=True, slots=True)
class Listing:
    """`next` is the cursor to go on from, None at the end."""

    letters: list[DeadLetter]
    next: str | None


class DeadLetters:
    """The index of one agent. `ttl` is that of the claims, which hold the originals (seconds)."""

    def __init__(self, store: StateStore, agent: Agent, ttl: int) -> None:
        self._store = store
        self._ttl = ttl
        self._root = f"dead-letters:{agent.name}"
        self._new: dict[int, dict[str, DeadLetter]] = {}
        self._writing = asyncio.Lock()

    async def add(self, letter: DeadLetter) -> None:
        """Return once the letter is listed; those that come meanwhile share the write.

        Raises:
            DocumentUnreadable: its page cannot be read; letters that come later go to the next one.

        """
        number = await self._place(letter.id)
        self._new.setdefault(number, {})[letter.id] = letter
        async with self._writing:
            batch = dict(self._new.get(number, {}))
            if letter.id not in batch:
                return
            try:
                page = await self._change(number, partial(_added, batch))
            except DocumentUnreadable:
                del self._new[number][letter.id]
                await self._begin_page(number + 1)
                raise
            left = {one: new for one, new in self._new.pop(number).items() if one not in batch}
            if left:  # came while the page was written
                self._new[number] = left
            if page is not None and len(page.letters) >= PAGE:
                await self._begin_page(number + 1)

    async def page(self, cursor: str | None, limit: int, wanted: Callable[[DeadLetter], bool]) -> Listing:
        """Newest first.

        Raises:
            ValueError: no such cursor.

        """
        page, before = _parsed(cursor) if cursor else (await self._last(), None)
        found: list[DeadLetter] = []
        for number in range(page, max(page - PAGES, -1), -1):
            content = await read(self._store, DeadLetterPage, self._page(number))
            if content is None and number != page:
                return Listing(found, None)  # expired, and so is what lies below it
            letters = list(content.letters.values()) if content else []
            for place in reversed(range(len(letters))[:before]):
                if wanted(letters[place]):
                    found.append(letters[place])
                    if len(found) == limit:
                        return Listing(found, f"{number}.{place}")
            before = None
        return Listing(found, f"{page - PAGES}.{WHOLE}" if page >= PAGES else None)

    async def get(self, execution_id: str) -> DeadLetter:
        """Raise `UnknownDeadLetter`."""
        place = await read(self._store, DeadLetterPlace, _place_key(execution_id))
        page = await read(self._store, DeadLetterPage, self._page(place.page)) if place else None
        if page is None or execution_id not in page.letters:
            raise _unknown(execution_id)
        return page.letters[execution_id]

    async def settle(self, execution_id: str, **changes: object) -> DeadLetter:
        """Change the state of a letter that is open. The same replay twice is no change.

        Raises:
            UnknownDeadLetter, DeadLetterSettled

        """
        place = await read(self._store, DeadLetterPlace, _place_key(execution_id))
        if place is None:
            raise _unknown(execution_id)

        def settled(letters: Letters) -> Letters:
            letter = letters.get(execution_id)
            if letter is None:
                raise _unknown(execution_id)
            if letter.replayed_as is not None and letter.replayed_as == changes.get("replayed_as"):
                return letters
            if letter.state != "open":
                why = f": {letter.dropped_because}" if letter.dropped_because else ""
                raise DeadLetterSettled(f"the dead letter {execution_id} was {letter.state} already{why}")
            at = datetime.now(UTC).isoformat()
            return {**letters, execution_id: letter.model_copy(update={**changes, "changed_at": at})}

        async with self._writing:  # those that are settled side by side would only meet at the page
            await self._change(place.page, settled)
        return await self.get(execution_id)

    async def _place(self, execution_id: str) -> int:
        """The number of the letter's page, decided once and for all."""
        key, page = _place_key(execution_id), await self._last()
        new = encode(DeadLetterPlace(page=page))
        place = await create(self._store, DeadLetterPlace, key, new, ttl=self._ttl)
        return place.page if place else page

    async def _begin_page(self, number: int) -> None:
        await update(self._store, DeadLetterPlace, self._root, partial(_at_least, number), ttl=None)

    async def _change(self, number: int, change: Callable[[Letters], Letters]) -> DeadLetterPage | None:
        def changed(page: DeadLetterPage | None) -> DeadLetterPage | None:
            before = page.letters if page else {}
            after = change(before)
            return None if after == before else DeadLetterPage(letters=after)

        return await update(self._store, DeadLetterPage, self._page(number), changed, ttl=self._ttl)

    async def _last(self) -> int:
        place = await read(self._store, DeadLetterPlace, self._root)
        return place.page if place else 0

    def _page(self, number: int) -> str:
        return f"{self._root}:{number}"


def replay(claim: Claim) -> Trigger:
    """The trigger that does the work of a failed execution again: always the same one, so that replaying twice is once.

    Raises:
        DeadLetterSettled: there is not enough left of the original.

    """
    trigger = claim.trigger
    if not is_whole(trigger):
        raise DeadLetterSettled(
            f"the original of {claim.id} is not whole, or was no work: publish it again, mended"
        )
    return Trigger(
        agent=trigger.agent,
        task=trigger.task,
        source=f"/agents/{trigger.agent}/dead-letters",
        key=claim.id,
        input=trigger.input,
        correlation_id=trigger.root_correlation_id,
        causation_id=trigger.causation_id,
        hops=trigger.hops,
        event=trigger.event,
        replay_of=claim.id,
    )


def _added(new: Letters, letters: Letters) -> Letters:
    """What is there already stays as it is: it may have been settled since."""
    return {**letters, **{one: letter for one, letter in new.items() if one not in letters}}


def _at_least(page: int, place: DeadLetterPlace | None) -> DeadLetterPlace | None:
    return None if place is not None and place.page >= page else DeadLetterPlace(page=page)


def _parsed(cursor: str) -> tuple[int, int]:
    page, dot, before = cursor.partition(".")
    if not (dot and page.isdecimal() and before.isdecimal() and len(cursor) < 30):
        raise ValueError("no cursor of this index")
    return int(page), int(before)


def _place_key(execution_id: str) -> str:
    return f"dead-letter:{execution_id}"


def _unknown(execution_id: str) -> UnknownDeadLetter:
    return UnknownDeadLetter(f"there is no dead letter {execution_id}, or not any more")
