"""What is there afterwards, read past the agents: in Redis, both documents and streams, and at the model's server."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import redis

from tests.abuse.field import MARK, REDIS_PASSWORD, Field

DEAD_LETTERS = ".dead-letter"


@dataclass
class Ledger:
    """`documents` by the first part of their key, `events` by topic; `asked` are the model's questions."""

    documents: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    events: dict[str, list[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def executions(self) -> list[dict[str, Any]]:
        return [json.loads(data) for data in self.documents["execution"].values()]

    @property
    def statuses(self) -> Counter[str]:
        return Counter(one["status"] for one in self.executions)

    def marked(self, kind: str) -> list[str]:
        """Keys of documents of this kind that hold what the attackers sent."""
        return [key for key, data in self.documents[kind].items() if MARK.encode() in data]


def read_ledger(place: Field) -> Ledger:
    ledger = Ledger(asked=[json.dumps(one.body) for one in place.model.requests])
    with redis.Redis(port=place.redis.port, password=REDIS_PASSWORD) as client:
        for key in client.scan_iter(count=1_000):
            kind = client.type(key)
            if kind == b"hash":
                name = key.decode().partition("||")[2]
                ledger.documents[name.partition(":")[0]][key.decode()] = client.hget(key, "data") or b""
            elif kind == b"stream":
                ledger.events[key.decode()] = [entry[b"data"] for _, entry in client.xrange(key)]
    return ledger
