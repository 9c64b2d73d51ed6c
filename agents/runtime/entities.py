"""Entities: what agents keep beyond single executions. Recorded changes are applied once, however often they are tried."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from agents.runtime.agent import ChangeFunction, entity_kind
from agents.runtime.documents import execution_key
from domain.documents import Kept, read, update
from domain.errors import DocumentUnreadable, Unavailable
from domain.execution import Change, Execution
from domain.ports.state import StateStore

log = logging.getLogger(__name__)

Entity = TypeVar("Entity", bound=BaseModel)

REMEMBERED = 1_000
"""How many execution ids an entity remembers. An execution is tried again within seconds, a thousand changes later it is not."""


class EntityDocument(Kept):
    """The stored form: the entity, and which changes of which executions are in it."""

    state: dict[str, Any]
    applied: tuple[str, ...]


class Entities:
    """Documents `entity:{kind}:{id}`; ids are percent-encoded, since stores refuse `/` and `#` in keys."""

    def __init__(self, store: StateStore, changes: Mapping[str, ChangeFunction[Any]]) -> None:
        self._store = store
        self._changes = changes

    async def read(self, entity: type[Entity], entity_id: str) -> Entity | None:
        kept = await read(self._store, EntityDocument, _key(f"{entity_kind(entity)}:{entity_id}"))
        return entity.model_validate(kept.state) if kept else None

    async def rehearse(self, changes: Sequence[Change]) -> None:
        """Make the changes without writing: a bug in one shows before the outcome is recorded, while it can still fail."""
        for change in changes:
            self._changed(change, await read(self._store, EntityDocument, _key(change.entity)))

    async def apply(self, execution: Execution) -> list[str]:
        """Apply an execution's changes, each at most once per entity and place in the list.

        Returns the entities whose change raised: it was rehearsed on the entity as it was before others changed it, the
        outcome is recorded, and nothing would be won by withholding its events.

        Raises:
            DocumentUnreadable: a change that this version of the agent does not know: another replica's will.

        """
        for change in execution.changes:
            if change.function not in self._changes:
                raise DocumentUnreadable(
                    f"execution {execution.id} holds the change {change.function}, which this version does not know",
                    key=execution_key(execution.id),
                )
        unapplied = []
        for index, change in enumerate(execution.changes):
            try:
                await self._apply_once(f"{execution.id}/{index}", change)
            except (DocumentUnreadable, Unavailable):
                raise
            except Exception:
                log.exception("execution %s: its change of %s raised", execution.id, change.entity)
                unapplied.append(change.entity)
        return unapplied

    async def _apply_once(self, mark: str, change: Change) -> None:
        def applied(kept: EntityDocument | None) -> EntityDocument | None:
            marks = kept.applied if kept else ()
            if mark in marks:
                return None
            changed = self._changed(change, kept)
            state = _unknown(type(changed), kept) | changed.model_dump(mode="json")
            return EntityDocument(state=state, applied=(*marks, mark)[-REMEMBERED:])

        await update(self._store, EntityDocument, _key(change.entity), applied, ttl=None)

    def _changed(self, change: Change, kept: EntityDocument | None) -> BaseModel:
        function = self._changes[change.function]
        entity: BaseModel = function.entity.model_validate(kept.state if kept else {})
        changed: BaseModel = function.apply(entity, function.arguments.model_validate(change.arguments))
        return changed


def _unknown(entity: type[BaseModel], kept: EntityDocument | None) -> dict[str, Any]:
    """Fields that a newer release has put there: while both run, or after a way back, they must outlive a change by this one."""
    if kept is None:
        return {}
    known = entity.model_fields.keys() | {field.alias for field in entity.model_fields.values()}
    return {name: value for name, value in kept.state.items() if name not in known}


def _key(entity: str) -> str:
    return f"entity:{quote(entity, safe=':')}"
