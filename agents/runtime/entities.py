"""Entities: what agents keep beyond single executions. Recorded changes are applied once, however often they are tried."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from agents.runtime.agent import ChangeFunction, entity_kind
from domain.errors import DocumentUnreadable, Unavailable
from domain.execution import DOCUMENT_VERSION, Change, Execution
from domain.json import dump, parse
from domain.ports.state import StateStore, Stored

log = logging.getLogger(__name__)

Entity = TypeVar("Entity", bound=BaseModel)

REMEMBERED = 1_000
"""How many execution ids an entity remembers. An execution is tried again within seconds, a thousand changes later it is not."""


class Entities:
    """Documents `entity:{kind}:{id}`; ids are percent-encoded, since stores refuse `/` and `#` in keys."""

    def __init__(self, store: StateStore, changes: Mapping[str, ChangeFunction[Any]]) -> None:
        self._store = store
        self._changes = changes

    async def read(self, entity: type[Entity], entity_id: str) -> Entity | None:
        stored = await self._store.get(_key(f"{entity_kind(entity)}:{entity_id}"))
        return entity.model_validate(_document(entity_id, stored)["state"]) if stored else None

    async def apply(self, execution: Execution) -> None:
        """Apply an execution's changes, each at most once per entity and place in the list."""
        for index, change in enumerate(execution.changes):
            await self._apply_once(f"{execution.id}/{index}", change)

    async def _apply_once(self, mark: str, change: Change) -> None:
        function = self._changes.get(change.function)
        if function is None:
            log.error("change %s is not declared any more: skipped", change.function)
            return
        key = _key(change.entity)
        while True:
            stored = await self._store.get(key)
            document = _document(key, stored) if stored else {"applied": []}
            if mark in document["applied"]:
                return
            before = function.entity.model_validate(document.get("state", {}))
            after = function.apply(before, function.arguments.model_validate(change.arguments))
            changed = dump(
                {
                    "v": DOCUMENT_VERSION,
                    "state": after.model_dump(mode="json"),
                    "applied": [*document["applied"], mark][-REMEMBERED:],
                }
            )
            if stored:
                if await self._store.swap(key, changed, stored.etag, ttl=None):
                    return
            elif await self._store.create(key, changed, ttl=None):
                return
            elif await self._store.get(key) is None:
                raise Unavailable(f"the store refused to create {key}, but does not hold it")


def _key(entity: str) -> str:
    return f"entity:{quote(entity, safe=':')}"


def _document(key: str, stored: Stored) -> dict[str, Any]:
    try:
        document = parse(stored.data)
    except ValueError as error:
        raise DocumentUnreadable(
            f"the entity {key} in the state store is not JSON: {error}", key=key
        ) from None
    if not isinstance(document, dict) or document.get("v", 0) > DOCUMENT_VERSION or "applied" not in document:
        raise DocumentUnreadable(
            f"the entity {key} in the state store is foreign or of a newer version", key=key
        )
    return document
