"""The claim: who works on an execution. Created once, then moved by ETag only, so that of two owners one learns it lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.runtime.documents import claim_key, refused, renew_end
from agents.runtime.timing import Timing
from domain.documents import decode, encode, update
from domain.errors import TooLarge
from domain.execution import Attempt, Claim, Trigger
from domain.ports.state import StateStore


@dataclass(frozen=True, slots=True)
class Owner:
    """This process, as records name it, and the version of the agent that runs in it."""

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A claim as it was read, with the ETag that lets one swap it."""

    claim: Claim
    etag: str


class Claims:
    def __init__(self, store: StateStore, owner: Owner, timing: Timing) -> None:
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

    async def obtain(self, trigger: Trigger, held: Held | None, nonce: str) -> Claim | None:
        """Claim new work, or take over a claim that was lost or handed back; None when it is another's.

        A refusal is read back before it is believed: it may be the answer to a write of my own, or an outage.
        """
        claim = await (self.take_over(held, nonce) if held else self.create(trigger, nonce))
        if claim is not None:
            return claim
        key = claim_key(trigger.execution_id)
        stored = await self._store.get(key)
        if stored is None:
            raise refused(key)
        current = decode(Claim, key, stored)
        if current.nonce != nonce:
            return None
        await renew_end(self._store, key, stored, ttl=self._timing.retention)
        return current

    async def take_over(self, held: Held, nonce: str) -> Claim | None:
        """Make a lost or handed-back claim one's own; None when another was first."""
        attempts = held.claim.attempts
        if attempts[-1].ended is None:
            attempts = _ended(attempts, "lost")
        changes = {"nonce": nonce, "handed_back": False, "waits_for": None}
        claim = held.claim.model_copy(update={**changes, "attempts": (*attempts, self._attempt())})
        written = await self._store.swap(
            claim_key(claim.id), encode(claim), held.etag, ttl=self._timing.retention
        )
        return claim if written else None

    async def renew(self, claim: Claim, waits_for: str | None) -> Claim | None:
        """Write it again, so that whoever saw it before takes it over no more. None: the claim is another's now."""
        return await self._change(claim, lambda mine: mine.model_copy(update={"waits_for": waits_for}))

    async def end_attempt(self, claim: Claim, reason: str, *, hand_back: bool) -> Claim | None:
        """Record why the attempt that `claim` ends with is over; either hand the claim back or begin the next attempt.

        None: the claim is another's now, and nothing was written. Done twice it changes nothing.
        """

        def ended(current: Claim) -> Claim | None:
            if len(current.attempts) > len(claim.attempts):
                return None
            attempts = _ended(current.attempts, reason)
            if not hand_back:
                attempts = (*attempts, self._attempt())
            waits_for = None if hand_back else current.waits_for
            changes = {"attempts": attempts, "handed_back": hand_back, "waits_for": waits_for}
            return current.model_copy(update=changes)

        return await self._change(claim, ended)

    async def give_up(self, execution_id: str, nonce: str, reason: str) -> bool:
        """Hand back what is claimed as `nonce`, if it is; also a claim whose answer never came."""
        held = await self.read(execution_id)
        if held is None or held.claim.nonce != nonce:
            return False
        return await self.end_attempt(held.claim, reason, hand_back=True) is not None

    async def still_mine(self, claim: Claim) -> bool:
        held = await self.read(claim.id)
        return held is not None and held.claim.nonce == claim.nonce

    async def _change(self, claim: Claim, change: Callable[[Claim], Claim | None]) -> Claim | None:
        """My claim as it is after the change, also when I move it elsewhere meanwhile; None when it is another's."""
        mine: Claim | None = claim

        def changed(current: Claim | None) -> Claim | None:
            nonlocal mine
            if current is None:  # expired in the middle of a very long run: nobody else has it
                return None
            mine = current if current.nonce == claim.nonce else None
            return change(mine) if mine else None

        written = await update(self._store, Claim, claim_key(claim.id), changed, ttl=self._timing.retention)
        return written or mine

    def _attempt(self) -> Attempt:
        return Attempt(owner=self._owner.name, version=self._owner.version, started_at=_now())


def _ended(attempts: tuple[Attempt, ...], reason: str) -> tuple[Attempt, ...]:
    return (*attempts[:-1], attempts[-1].model_copy(update={"ended": reason, "ended_at": _now()}))


def _now() -> str:
    return datetime.now(UTC).isoformat()
