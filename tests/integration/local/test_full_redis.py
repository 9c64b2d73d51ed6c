"""Whether a Redis takes writes, asked without writing."""

from __future__ import annotations

import pytest

from cli.local.redis import Redis, refusal
from tests.support.processes import Redis as Server


@pytest.mark.integration
def test_a_full_redis_says_so_and_one_with_room_is_left_as_it_is(own_redis: Server) -> None:
    with Redis("127.0.0.1", own_redis.port) as redis:
        assert refusal(redis) is None
        assert redis.ask("DBSIZE") == 0
        redis.ask("CONFIG", "SET", "maxmemory", "100kb")
        told = refusal(redis)
    assert told is not None
    assert "OOM command not allowed" in told
