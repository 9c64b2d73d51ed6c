"""The claim: who works on an execution. Created once, then moved by ETag only, so that of two owners one learns it lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.runtime.documents import claim_key, decode, encode
from agents.runtime.timing import SWAPS, Timing, swap_pause
from domain.errors import TooLarge, Unavailable
from domain.execution import Attempt, Claim, Trigger
from domain.ports.state import StateStore


@dataclass(frozen=True, slots=True)
class Held:
    """A claim as it was read, with the ETag that lets one swap it."""

    claim: Claim
    etag: str


class Claims:
    """`owner` names this process in the record."""

    def __init__(self, store: StateStore, owner: str, timing: Timing) -> None:
        self._store = store
        self._owner = owner
        self._timing = timing

    async def create(self, trigger: Trigger, nonce: str) -> Claim | None:
        """None: there is a claim already (or the answer is an outage in disguise): read it.

        Raises:
            TooLarge: the trigger is larger than the store takes.

        """
        claim = Claim(
            id=trigger.execution_id,
            nonce=nonce,
            digest=trigger.digest,
            trigger=trigger,
            attempts=(self._attempt(),),
        )
        data = encode(claim)
        if len(data) > self._timing.max_document_bytes:
            raise TooLarge(
                f"the input has {len(data)} bytes with its envelope, the limit is {self._timing.max_document_bytes}"
            )
        created = await self._store.create(claim_key(claim.id), data, ttl=self._timing.retention)
        return claim if created else None

    async def read(self, execution_id: str) -> Held | None:
        key = claim_key(execution_id)
        stored = await self._store.get(key)
        return Held(decode(Claim, key, stored), stored.etag) if stored else None

    async def take_over(self, held: Held, nonce: str) -> Claim | None:
        """Make a lost or handed-back claim one's own; None when another was first."""
        lost = held.claim.attempts[-1]
        attempts = held.claim.attempts
        if lost.ended is None:
            attempts = (*attempts[:-1], lost.model_copy(update={"ended": "lost"}))
        claim = held.claim.model_copy(
            update={
                "nonce": nonce,
                "handed_back": False,
                "beat": held.claim.beat + 1,
                "attempts": (*attempts, self._attempt()),
            }
        )
        return claim if await self._swap(claim, held.etag) else None

    async def beat(self, claim: Claim) -> bool:
        """Show that the owner lives. False: the claim is another's now."""
        held = await self.read(claim.id)
        if held is None or held.claim.nonce != claim.nonce:
            return held is None  # expired in the middle of a very long run: nobody else has it
        await self._swap(held.claim.model_copy(update={"beat": held.claim.beat + 1}), held.etag)
        return True

    async def end_attempt(self, claim: Claim, reason: str, *, hand_back: bool) -> bool:
        """Record why the latest attempt ended; either hand the claim back or begin the next attempt.

        False: the claim is another's now, and nothing was written.
        """
        for _ in range(SWAPS):  # a beat of my own may have moved it in between
            held = await self.read(claim.id)
            if held is None or held.claim.nonce != claim.nonce:
                return False
            *earlier, latest = held.claim.attempts
            attempts = (*earlier, latest.model_copy(update={"ended": reason}))
            if not hand_back:
                attempts = (*attempts, self._attempt())
            update = {"attempts": attempts, "handed_back": hand_back, "beat": held.claim.beat + 1}
            if await self._swap(held.claim.model_copy(update=update), held.etag):
                return True
            await asyncio.sleep(swap_pause())
        raise Unavailable(f"the store refuses to change {claim_key(claim.id)}")

    async def still_mine(self, claim: Claim) -> bool:
        held = await self.read(claim.id)
        return held is not None and held.claim.nonce == claim.nonce

    async def _swap(self, claim: Claim, etag: str) -> bool:
        return await self._store.swap(claim_key(claim.id), encode(claim), etag, ttl=self._timing.retention)

    def _attempt(self) -> Attempt:
        return Attempt(owner=self._owner, started_at=datetime.now(UTC).isoformat())
