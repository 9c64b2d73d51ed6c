"""Entities: what agents keep beyond single executions. Recorded changes are applied once, however often they are tried."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from agents.runtime.agent import ChangeFunction, entity_kind
from agents.runtime.documents import execution_key
from agents.runtime.timing import SWAPS, swap_pause
from domain.errors import DocumentUnreadable, Unavailable
from domain.execution import DOCUMENT_VERSION, Change, Execution
from domain.json import JsonObject, dump, parse
from domain.ports.state import StateStore, Stored

Entity = TypeVar("Entity", bound=BaseModel)

REMEMBERED = 1_000
"""How many execution ids an entity remembers. An execution is tried again within seconds, a thousand changes later it is not."""


class Entities:
    """Documents `entity:{kind}:{id}`; ids are percent-encoded, since stores refuse `/` and `#` in keys."""

    def __init__(self, store: StateStore, changes: Mapping[str, ChangeFunction[Any]]) -> None:
        self._store = store
        self._changes = changes

    async def read(self, entity: type[Entity], entity_id: str) -> Entity | None:
        key = _key(f"{entity_kind(entity)}:{entity_id}")
        stored = await self._store.get(key)
        return entity.model_validate(_document(key, stored)["state"]) if stored else None

    async def rehearse(self, changes: Sequence[Change]) -> None:
        """Make the changes without writing: a bug in one shows before the outcome is recorded, while it can still fail."""
        for change in changes:
            stored = await self._store.get(_key(change.entity))
            self._changed(change, _document(change.entity, stored) if stored else {})

    async def apply(self, execution: Execution) -> None:
        """Apply an execution's changes, each at most once per entity and place in the list.

        Raises:
            DocumentUnreadable: a change that this version of the agent does not know: another replica's will.

        """
        for change in execution.changes:
            if change.function not in self._changes:
                raise DocumentUnreadable(
                    f"execution {execution.id} holds the change {change.function}, which this version does not know",
                    key=execution_key(execution.id),
                )
        for index, change in enumerate(execution.changes):
            await self._apply_once(f"{execution.id}/{index}", change)

    async def _apply_once(self, mark: str, change: Change) -> None:
        key = _key(change.entity)
        for _ in range(SWAPS):
            stored = await self._store.get(key)
            document = _document(key, stored) if stored else {"applied": []}
            if mark in document["applied"]:
                return
            changed = dump(
                {
                    "v": DOCUMENT_VERSION,
                    "state": self._changed(change, document).model_dump(mode="json"),
                    "applied": [*document["applied"], mark][-REMEMBERED:],
                }
            )
            if stored is None and await self._store.create(key, changed, ttl=None):
                return
            if stored is not None and await self._store.swap(key, changed, stored.etag, ttl=None):
                return
            await asyncio.sleep(swap_pause())
        raise Unavailable(f"the store refuses to change {key}, or too many change it at once")

    def _changed(self, change: Change, document: JsonObject) -> BaseModel:
        function = self._changes[change.function]
        entity: BaseModel = function.entity.model_validate(document.get("state", {}))
        changed: BaseModel = function.apply(entity, function.arguments.model_validate(change.arguments))
        return changed


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
