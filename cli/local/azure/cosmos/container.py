"""A container: documents by partition and id, with ETags and times to live, as Cosmos DB's REST reference says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode

Document = dict[str, Any]
How: TypeAlias = Literal["create", "upsert", "replace"]
MAX_DOCUMENT = 2 * 2**20
MAX_ID = 1_023
MAX_BATCH = 100
_KINDS: dict[Any, How] = {"Create": "create", "Upsert": "upsert", "Replace": "replace"}


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class ContainerSettings(BaseModel):
    """`default_ttl`: None keeps for ever and ignores what documents say, -1 keeps for ever unless a document says otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition_key: str = Field(pattern="^/")
    default_ttl: int | None = None


class Account(BaseModel):
    """Containers by database and name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    databases: dict[str, dict[str, ContainerSettings]]


def read_account(path: Path) -> Account:
    try:
        return Account.model_validate_json(path.read_bytes())
    except OSError as error:
        problem = str(error.strerror)
    except ValidationError as error:
        problem = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    raise CommandError(
        f"{path}: {problem}", hint="`python -m cli.documents` writes it anew", code=ExitCode.INVALID
    )


class Container:
    def __init__(self, settings: ContainerSettings) -> None:
        self.settings = settings
        self._partitions: dict[str, dict[str, Document]] = {}

    def __len__(self) -> int:
        return sum(1 for _ in self._live())

    def read(self, partition: str, id_: str) -> Document:
        found = self._find(partition, id_)
        if found is None:
            raise Refused(404, "NotFound", "Entity with the specified id does not exist in the system.")
        return found

    def write(
        self,
        partition: str,
        document: Document,
        if_match: str | None,
        how: How,
    ) -> tuple[int, Document]:
        """Status and what is stored. An upsert with an ETag creates what is not there."""
        self._require_sound(partition, document)
        there = self._find(partition, document["id"])
        if how == "create" and there is not None:
            raise Refused(409, "Conflict", "Entity with the specified id already exists in the system.")
        if how == "replace" and there is None:
            raise Refused(404, "NotFound", "Entity with the specified id does not exist in the system.")
        _require_match(there, if_match)
        stored = {**document, "_etag": f'"{uuid4()}"', "_ts": int(time.time()), "_written": time.time()}
        self._partitions.setdefault(partition, {})[document["id"]] = stored
        return (201 if there is None else 200), stored

    def remove(self, partition: str, id_: str, if_match: str | None) -> None:
        _require_match(self.read(partition, id_), if_match)
        del self._partitions[partition][id_]

    def batch(self, partition: str, operations: Sequence[Document]) -> tuple[int, list[Document]]:
        """All of it or nothing."""
        if len(operations) > MAX_BATCH:
            raise Refused(400, "BadRequest", "Batch request has more operations than what is supported: 100.")
        before = dict(self._partitions.get(partition, {}))
        results: list[Document] = []
        for operation in operations:
            try:
                results.append(self._operate(partition, operation))
            except Refused as error:
                self._partitions[partition] = before
                undone = {"statusCode": 424, "requestCharge": 0}
                failed = {"statusCode": error.status, "requestCharge": 1}
                after = len(operations) - len(results) - 1
                return 207, [*[undone] * len(results), failed, *[undone] * after]
        return 200, results

    def query(self, query: str, parameters: Sequence[Document]) -> list[Document]:
        """The one that a sidecar asks when it reads several keys: over all partitions."""
        if query != "SELECT * FROM r WHERE ARRAY_CONTAINS(@keys, r.id)" or len(parameters) != 1:
            raise Refused(400, "BadRequest", f"the stand-in has no query {query!r}")
        keys = set(parameters[0]["value"])
        return [document for document in self._live() if document["id"] in keys]

    def _operate(self, partition: str, operation: Document) -> Document:
        kind, body, if_match = (
            operation.get("operationType"),
            operation.get("resourceBody"),
            operation.get("ifMatch"),
        )
        if kind == "Delete":
            self.remove(partition, operation["id"], if_match)
            return {"statusCode": 204, "requestCharge": 1}
        if kind not in _KINDS or not isinstance(body, dict):
            raise Refused(400, "BadRequest", f"the stand-in has no operation {kind!r}")
        status, stored = self.write(partition, body, if_match, _KINDS[kind])
        return {
            "statusCode": status,
            "requestCharge": 1,
            "eTag": stored["_etag"],
            "resourceBody": shown(stored),
        }

    def _require_sound(self, partition: str, document: Document) -> None:
        id_ = document.get("id")
        if not isinstance(id_, str) or not id_ or len(id_.encode()) > MAX_ID or set(id_) & set("/\\?#"):
            raise Refused(400, "BadRequest", f"The id {id_!r} is empty, too long, or holds one of / \\ ? #")
        key: Any = document
        for name in self.settings.partition_key.strip("/").split("/"):
            key = key.get(name) if isinstance(key, dict) else None
        if key != partition:
            raise Refused(
                400,
                "BadRequest",
                "PartitionKey extracted from document doesn't match the one specified in the header",
            )
        if len(json.dumps(document, ensure_ascii=False).encode()) > MAX_DOCUMENT:
            raise Refused(413, "RequestEntityTooLarge", "Request size is too large")

    def _find(self, partition: str, id_: str) -> Document | None:
        found = self._partitions.get(partition, {}).get(id_)
        return found if found is not None and self._lives(found) else None

    def _live(self) -> Iterator[Document]:
        for partition in self._partitions.values():
            yield from (document for document in partition.values() if self._lives(document))

    def _lives(self, document: Document) -> bool:
        default = self.settings.default_ttl
        ttl = document.get("ttl") or default
        return default is None or ttl is None or ttl < 0 or time.time() < document["_written"] + ttl


def shown(document: Document) -> Document:
    """As a client sees it."""
    return {name: value for name, value in document.items() if name != "_written"}


def _require_match(there: Document | None, if_match: str | None) -> None:
    if there is not None and if_match not in {None, "*", there["_etag"]}:
        raise Refused(
            412,
            "PreconditionFailed",
            "Operation cannot be performed because one of the specified precondition is not met.",
        )
