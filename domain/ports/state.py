from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    data: bytes
    etag: str


class StateStore(Protocol):
    """Documents under keys, with optimistic concurrency. Keys hold no `/` and no `#`; `ttl` is in seconds, None keeps for ever.

    Every operation raises `SidecarUnavailable` when it cannot say whether it took effect, `TooLarge` when the store
    refuses the size. A refusal (False) may be the answer to a write of one's own whose first answer was lost, or to an
    outage: read back before believing it.
    """

    async def get(self, key: str) -> Stored | None: ...

    async def create(self, key: str, data: bytes, *, ttl: int | None) -> bool:
        """Write only if the key is absent; False when it is there.

        Of two that write equal bytes both may be told that they did. Over a key that was written by `put` it may write: keep
        the two apart.
        """
        ...

    async def swap(self, key: str, data: bytes, etag: str, *, ttl: int | None) -> bool:
        """Write only if the document still has this ETag; False when it has moved. Of an absent key it may do either."""
        ...

    async def put(self, items: Sequence[tuple[str, bytes]], *, ttl: int | None) -> None:
        """Write plainly, all in one call; the last writer wins."""
        ...
