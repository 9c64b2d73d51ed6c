"""Counters that all replicas change together: JSON documents in the state store, by ETag."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from domain import json
from domain.errors import DocumentUnreadable, Unavailable
from domain.json import JsonObject
from domain.ports.state import StateStore, Stored

VERSION = 1
TRIES = 20
REMEMBERED = 30
"""Marks of the last changes. One whose answer was lost is tried again within seconds, before so many others."""


async def read(store: StateStore, key: str) -> JsonObject | None:
    stored = await store.get(key)
    return _decoded(key, stored) if stored else None


async def change(
    store: StateStore, key: str, apply: Callable[[JsonObject], None], *, mark: str, ttl: int
) -> JsonObject:
    """Read, change, write back; again where somebody else was faster. Under the same mark it is done once.

    Raises:
        Unavailable: it cannot be said whether it was done; do it again under the same mark.
        DocumentUnreadable: what is there is not ours, or newer.

    """
    for tried in range(TRIES):
        stored = await store.get(key)
        document: JsonObject = _decoded(key, stored) if stored else {"v": VERSION, "marks": []}
        if mark in document["marks"]:
            return document
        apply(document)
        document["marks"] = [*document["marks"], mark][-REMEMBERED:]
        data = json.dump(document)
        if stored is None:
            written = await store.create(key, data, ttl=ttl)
        else:
            written = await store.swap(key, data, stored.etag, ttl=ttl)
        if written:
            return document
        # By chance, so that two that met do not meet again.
        await asyncio.sleep(random.uniform(0.0, 0.005 * (tried + 1)))  # noqa: S311  # no secret
    raise Unavailable(
        f"the store refuses to write {key}: it is full or down, or too many change it at once", retry_after=1
    )


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
