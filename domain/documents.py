"""Documents in the state store: models with a version, written by ETag. One that cannot be read is an error that names its key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from domain.errors import DocumentUnreadable, Unavailable
from domain.execution import DOCUMENT_VERSION
from domain.ports.state import StateStore, Stored

Document = TypeVar("Document", bound=BaseModel)

TRIES = 10
"""How often a swap is tried. Redis calls any failed write a refusal: without a bound a full store would be asked for ever."""


class Kept(BaseModel):
    """A document beside claims and outcomes."""

    model_config = ConfigDict(frozen=True)

    v: int = DOCUMENT_VERSION


def encode(document: BaseModel) -> bytes:
    return document.model_dump_json(exclude_none=True).encode()


def decode(kind: type[Document], key: str, stored: Stored) -> Document:
    """Raise `DocumentUnreadable` for what is broken, foreign, or of a newer version than this code knows."""
    try:
        document = kind.model_validate_json(stored.data)
        version = getattr(document, "v", DOCUMENT_VERSION)
    except ValidationError as error:
        version = _version(stored.data)
        problem = error.errors(include_url=False, include_input=False)[0]
        reason = f"is no {kind.__name__}: {problem['msg']} at {problem['loc']}"
        if version <= DOCUMENT_VERSION:
            raise DocumentUnreadable(f"the document {key} in the state store {reason}", key=key) from None
    if version > DOCUMENT_VERSION:
        raise DocumentUnreadable(
            f"the document {key} has version {version}, this code knows {DOCUMENT_VERSION}: update this replica",
            key=key,
        )
    return document


async def read(store: StateStore, kind: type[Document], key: str) -> Document | None:
    stored = await store.get(key)
    return decode(kind, key, stored) if stored else None


async def update(
    store: StateStore,
    kind: type[Document],
    key: str,
    change: Callable[[Document | None], Document | None],
    *,
    ttl: int | None,
) -> Document | None:
    """Read, change, write back by ETag; again when somebody else was faster. `change` gets None where nothing is yet.

    Returns what was written, None when `change` wanted no write.

    Raises:
        Unavailable: the store refuses to write, or too many change it at once.

    """
    for _ in range(TRIES):
        stored = await store.get(key)
        changed = change(decode(kind, key, stored) if stored else None)
        if changed is None:
            return None
        data = encode(changed)
        if stored is None:
            written = await store.create(key, data, ttl=ttl)
        else:
            written = await store.swap(key, data, stored.etag, ttl=ttl)
        if written:
            return changed
        # By chance, so that two that met do not meet again.
        await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311  # no secret
    raise Unavailable(
        f"the store refuses to write {key}: it is full or down, or too many change it at once", retry_after=1
    )


def _version(data: bytes) -> int:
    """What the document says of itself, whatever else is in it."""
    try:
        said = from_json(data)
    except ValueError:
        return 0
    version = said.get("v") if isinstance(said, dict) else None
    return version if isinstance(version, int) else 0
