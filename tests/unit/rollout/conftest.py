from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infrastructure.rollout import live
from tests.unit.rollout.room import Room


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "REFRESH", 0.05)
    monkeypatch.setattr(live, "FIRST", 0.01)
    monkeypatch.setattr(live, "FLUSH", (0.01, 0.03))


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    yield made
    for replica in made.replicas:
        made.store.down = False
        await replica.close()
