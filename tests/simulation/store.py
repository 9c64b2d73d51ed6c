"""The store: the documents of the twin, every write noted in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from domain.ports.state import Stored
from infrastructure.memory.state import Documents

if TYPE_CHECKING:
    from tests.simulation.ledger import Ledger
    from tests.simulation.replica import Replica


class Store:
    def __init__(self, ledger: Ledger, now: Callable[[], float]) -> None:
        self.documents = Documents(now)
        self._ledger = ledger

    def get(self, key: str) -> Stored | None:
        return self.documents.get(key)

    def create(self, replica: Replica, key: str, data: bytes, ttl: int | None) -> bool:
        done = self.documents.create(key, data, ttl)
        if done:
            self._ledger.written(replica, key, data, ttl)
        return done

    def swap(self, replica: Replica, key: str, data: bytes, etag: str, ttl: int | None) -> bool:
        done = self.documents.swap(key, data, etag, ttl)
        if done:
            self._ledger.written(replica, key, data, ttl)
        return done

    def put(self, replica: Replica, key: str, data: bytes, ttl: int | None) -> None:
        self.documents.put(key, data, ttl)
        self._ledger.written(replica, key, data, ttl)
