"""Reading and writing the documents of an execution. A document that cannot be read is an error that names its key."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from domain.errors import DocumentUnreadable
from domain.execution import DOCUMENT_VERSION, Claim, Execution
from domain.ports.state import StateStore, Stored

Document = TypeVar("Document", Claim, Execution)


def claim_key(execution_id: str) -> str:
    return f"claim:{execution_id}"


def execution_key(execution_id: str) -> str:
    return f"execution:{execution_id}"


def published_key(execution_id: str) -> str:
    return f"published:{execution_id}"


def correlation_key(digest: str) -> str:
    return f"correlation:{digest}"


def encode(document: BaseModel) -> bytes:
    return document.model_dump_json(exclude_none=True).encode()


def decode(kind: type[Document], key: str, stored: Stored) -> Document:
    """Raise `DocumentUnreadable` for what is broken, foreign, or of a newer version than this code knows."""
    try:
        document = kind.model_validate_json(stored.data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise DocumentUnreadable(
            f"the document {key} in the state store is no {kind.__name__.lower()}: {problem['msg']} at {problem['loc']}",
            key=key,
        ) from None
    if document.v > DOCUMENT_VERSION:
        raise DocumentUnreadable(
            f"the document {key} has version {document.v}, this code knows {DOCUMENT_VERSION}: update this replica",
            key=key,
        )
    return document


async def read_execution(store: StateStore, execution_id: str) -> Execution | None:
    key = execution_key(execution_id)
    stored = await store.get(key)
    return decode(Execution, key, stored) if stored else None
