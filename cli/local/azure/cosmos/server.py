"""The REST calls: who asks, which container is meant, and what is asked of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

from cli.local.azure.cosmos.container import Account, Container, Document, How, Refused, shown

KEY = base64.b64encode(b"stand-in for tests, this is no secret, everybody knows it: 64 B").decode()
"""Known to all, as that of Microsoft's own emulator is: what it opens is on loopback and keeps nothing."""
MAX_BODY = 4 * 2**20


@dataclass
class Faults:
    """What the tests make go wrong; `until` is a time.monotonic()."""

    until: float = 0.0
    status: int = 429
    share: float = 1.0
    retry_after: int = 100  # milliseconds
    rolls: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  # repeatable, no secret

    def strikes(self) -> bool:
        return time.monotonic() < self.until and self.rolls.random() < self.share


class Service:
    def __init__(self, account: Account) -> None:
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self.containers = {
            (database, name): Container(settings)
            for database, containers in account.databases.items()
            for name, settings in containers.items()
        }

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers: dict[str, str] = {}
        try:
            status, found = self._answer(request, body)
        except Refused as error:
            status, found = error.status, {"code": error.code, "message": str(error)}
            if status == 429:
                headers = {"x-ms-retry-after-ms": str(self.faults.retry_after), "x-ms-substatus": "3200"}
        except (ValueError, KeyError, TypeError) as error:
            status, found = 400, {"code": "BadRequest", "message": f"{type(error).__name__}: {error}"}
        self.counts[f"{request.method} {status}"] += 1
        if isinstance(found, dict) and "_etag" in found:
            headers["etag"] = found["_etag"]
            found = shown(found)
        headers |= {
            "x-ms-request-charge": "1",
            "x-ms-session-token": "0:-1#1",
            "x-ms-activity-id": str(uuid4()),
        }
        text = "" if found is None else json.dumps(found, ensure_ascii=False)
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)

    def _answer(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        parts = [unquote(part) for part in request.rel_url.raw_path.split("/") if part]
        require_key(request, parts)
        if not parts:
            return 200, _account(f"http://{request.host}/")
        container = self.containers.get((parts[1], parts[3])) if len(parts) > 3 else None
        if parts[0::2][:3] != ["dbs", "colls", "docs"][: (len(parts) + 1) // 2] or container is None:
            raise Refused(
                404, "NotFound", f"Resource Not Found: {'/'.join(parts)} (the stand-in makes none by itself)"
            )
        if len(parts) == 4:
            return 200, _described(parts[3], container)
        if self.faults.strikes():
            raise Refused(
                self.faults.status, "Injected", "Request rate is large. More Request Units may be needed."
            )
        return _on_documents(container, request, parts[5] if len(parts) > 5 else None, body)


def require_key(request: web.Request, parts: list[str]) -> None:
    """The signature by the master key (learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources)."""
    if len(parts) % 2:  # a collection of resources: .../docs
        kind, link = parts[-1], "/".join(parts[:-1])
    else:
        kind, link = (parts[-2] if parts else ""), "/".join(parts)
    date = request.headers.get("x-ms-date", "").lower()
    text = f"{request.method.lower()}\n{kind}\n{link}\n{date}\n\n"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
    given = unquote(request.headers.get("authorization", ""))
    if not hmac.compare_digest(given.encode(), f"type=master&ver=1.0&sig={signature}".encode()):
        raise Refused(
            401, "Unauthorized", "The input authorization token can't serve the request: the wrong key."
        )


def _on_documents(  # one for each call there is
    container: Container, request: web.Request, id_: str | None, body: bytes
) -> tuple[int, Document | list[Document] | None]:
    headers = request.headers

    def told(name: str) -> bool:
        return headers.get(name, "").lower() == "true"

    if request.method == "POST" and (told("x-ms-documentdb-query") or told("x-ms-documentdb-isquery")):
        asked = json.loads(body)
        found = [shown(one) for one in container.query(asked["query"], asked.get("parameters", []))]
        return 200, {"_rid": "", "Documents": found, "_count": len(found)}
    key, if_match = headers.get("x-ms-documentdb-partitionkey"), headers.get("if-match")
    if key is None:
        raise Refused(400, "BadRequest", "PartitionKey value must be supplied for this operation.")
    partition = json.loads(key)[0]
    if request.method == "POST" and told("x-ms-cosmos-is-batch-request"):
        return container.batch(partition, json.loads(body))
    if request.method in {"POST", "PUT"}:
        upsert = told("x-ms-documentdb-is-upsert")
        how: How = "replace" if request.method == "PUT" else "upsert" if upsert else "create"
        return container.write(partition, json.loads(body), if_match, how)
    if request.method == "DELETE" and id_ is not None:
        container.remove(partition, id_, if_match)
        return 204, None
    if request.method == "GET" and id_ is not None:
        return 200, container.read(partition, id_)
    raise Refused(405, "MethodNotAllowed", f"{request.method} is not in the stand-in")


def _account(address: str) -> Document:
    here = [{"name": "local", "databaseAccountEndpoint": address}]
    return {
        "id": "cosmos-stand-in",
        "writableLocations": here,
        "readableLocations": here,
        "enableMultipleWriteLocations": False,
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
    }


def _described(name: str, container: Container) -> Document:
    settings = container.settings
    described: Document = {
        "id": name,
        "partitionKey": {"paths": [settings.partition_key], "kind": "Hash", "version": 2},
    }
    return described if settings.default_ttl is None else described | {"defaultTtl": settings.default_ttl}
