"""What waits in a real Redis, for whom and since when; and the condition of the server."""

from __future__ import annotations

import time

import pytest

from cli.local.redis import Redis as Connection
from cli.local.redis import backlog, condition
from tests.support.processes import Redis

pytestmark = pytest.mark.integration

STREAM = "agents.testplanning.spec.generated"


def test_the_oldest_entry_is_a_pending_or_an_undelivered_one(own_redis: Redis) -> None:
    with Connection("127.0.0.1", own_redis.port) as redis:
        now = int(time.time() * 1000)
        for name in ("busy", "idle", "lagging"):
            redis.ask("XGROUP", "CREATE", STREAM, name, "0", "MKSTREAM")
        for age in (90_000, 60_000, 30_000):
            redis.ask("XADD", STREAM, f"{now - age}-0", "data", "{}")
        for name, acknowledged in (("busy", [0, 2]), ("idle", [0, 1, 2])):
            answer = redis.ask("XREADGROUP", "GROUP", name, "c", "STREAMS", STREAM, ">")
            ids = [entry[0] for entry in answer[0][1]]
            redis.ask("XACK", STREAM, name, *(ids[index] for index in acknowledged))
        redis.ask("XREADGROUP", "GROUP", "lagging", "c", "COUNT", "1", "STREAMS", STREAM, ">")
        redis.ask("XACK", STREAM, "lagging", f"{now - 90_000}-0")

        found = {entry["agent"]: entry for entry in backlog(redis)}

    assert {name: (entry["pending"], entry["waiting"]) for name, entry in found.items()} == {
        "busy": (1, 0),
        "idle": (0, 0),
        "lagging": (0, 2),
    }
    assert found["idle"]["oldest_s"] is None
    assert found["busy"]["oldest_s"] == pytest.approx(60, abs=10)
    assert found["lagging"]["oldest_s"] == pytest.approx(60, abs=10)


def test_the_condition_of_a_server_tells_its_limit_its_policy_and_its_file(own_redis: Redis) -> None:
    with Connection("127.0.0.1", own_redis.port) as redis:
        redis.ask("CONFIG", "SET", "maxmemory", "64mb")
        redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        found = condition(redis)
    assert (found.max_bytes, found.policy, found.append_only) == (64 * 2**20, "allkeys-lru", False)
    assert 0 < found.used_bytes < found.max_bytes
    assert found.version.count(".") == 2
