"""Counters that all replicas change together: JSON documents in the state store, by ETag."""

from __future__ import annotations

from collections.abc import Callable

from domain import json
from domain.documents import rewrite
from domain.errors import DocumentUnreadable
from domain.json import JsonObject
from domain.ports.state import StateStore, Stored

VERSION = 1
TRIES = 20
"""More replicas meet at a counter than at any other document."""
REMEMBERED = 30
"""Marks of the last changes. One whose answer was lost is tried again within seconds, before so many others."""


async def read(store: StateStore, key: str) -> JsonObject | None:
    stored = await store.get(key)
    return _decoded(key, stored) if stored else None


async def change(
    store: StateStore, key: str, apply: Callable[[JsonObject], None], *, mark: str, ttl: int
) -> None:
    """Read, change, write back; again where somebody else was faster. Under the same mark it is done once.

    Raises:
        Unavailable: it cannot be said whether it was done; do it again under the same mark.
        DocumentUnreadable: what is there is not ours, or newer.

    """

    def changed(stored: Stored | None) -> bytes | None:
        document: JsonObject = _decoded(key, stored) if stored else {"v": VERSION, "marks": []}
        if mark in document["marks"]:
            return None
        apply(document)
        document["marks"] = [*document["marks"], mark][-REMEMBERED:]
        return json.dump(document)

    await rewrite(store, key, changed, ttl=ttl, tries=TRIES)


def _decoded(key: str, stored: Stored) -> JsonObject:
    try:
        document = json.parse(stored.data)
    except ValueError:
        document = None
    if (
        not isinstance(document, dict)
        or document.get("v") != VERSION
        or not isinstance(document.get("marks"), list)
    ):
        raise DocumentUnreadable(
            f"the document {key} in the state store is none of this version's counters", key=key
        )
    return document
