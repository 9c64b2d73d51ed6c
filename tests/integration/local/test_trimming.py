"""Trimming of streams on a real Redis: what nobody needs goes, and no unprocessed entry ever does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from cli.local import trimming
from cli.local.redis import Redis as Connection
from cli.local.trimming import keep_trimmed, trim
from tests.support.processes import Redis

pytestmark = pytest.mark.integration

STREAM = "agents.testplanning.spec.generated"
AGENTS = ["implementation", "notification"]


@pytest.fixture
def redis(own_redis: Redis) -> Iterator[Connection]:
    with Connection("127.0.0.1", own_redis.port) as connection:
        yield connection


def add(redis: Connection, *ids: str, stream: str = STREAM) -> None:
    for one in ids:
        redis.ask("XADD", stream, one, "data", "{}")


def group(redis: Connection, name: str, stream: str = STREAM) -> None:
    """As the Dapr component makes one: it begins with the oldest entry."""
    redis.ask("XGROUP", "CREATE", stream, name, "0", "MKSTREAM")


def take(redis: Connection, name: str, count: int) -> list[str]:
    answer = redis.ask("XREADGROUP", "GROUP", name, "c", "COUNT", str(count), "STREAMS", STREAM, ">")
    return [entry[0] for entry in answer[0][1]] if answer else []


def acknowledge(redis: Connection, name: str, *ids: str) -> None:
    redis.ask("XACK", STREAM, name, *ids)


def left(redis: Connection, stream: str = STREAM) -> list[str]:
    return [entry[0] for entry in redis.ask("XRANGE", stream, "-", "+")]


def test_what_every_group_acknowledged_goes_but_the_last(redis: Connection) -> None:
    for name in AGENTS:
        group(redis, name)
    add(redis, "1-0", "2-0", "2-1", "3-0")
    for name in AGENTS:
        acknowledge(redis, name, *take(redis, name, 4))

    assert trim(redis, STREAM, AGENTS) == 3
    assert left(redis) == ["3-0"]
    assert trim(redis, STREAM, AGENTS) == 0


def test_a_pending_entry_and_all_after_it_stay(redis: Connection) -> None:
    group(redis, "implementation")
    add(redis, "1-0", "2-0", "3-0", "4-0")
    take(redis, "implementation", 4)
    acknowledge(redis, "implementation", "1-0", "3-0", "4-0")

    assert trim(redis, STREAM, AGENTS) == 1
    assert left(redis) == ["2-0", "3-0", "4-0"]
    pending = redis.ask("XPENDING", STREAM, "implementation", "-", "+", "10")
    assert [entry[0] for entry in pending] == ["2-0"]


def test_a_lagging_group_keeps_what_it_was_not_given(redis: Connection) -> None:
    for name in AGENTS:
        group(redis, name)
    add(redis, "1-0", "2-0", "3-0", "4-0")
    acknowledge(redis, "implementation", *take(redis, "implementation", 4))
    acknowledge(redis, "notification", *take(redis, "notification", 2))

    assert trim(redis, STREAM, AGENTS) == 1
    assert take(redis, "notification", 10) == ["3-0", "4-0"]


def test_a_group_that_appears_keeps_all_there_is(redis: Connection) -> None:
    group(redis, "implementation")
    add(redis, "1-0", "2-0", "3-0")
    acknowledge(redis, "implementation", *take(redis, "implementation", 3))
    group(redis, "notification")

    assert trim(redis, STREAM, AGENTS) == 0
    assert take(redis, "notification", 10) == ["1-0", "2-0", "3-0"]


def test_a_foreign_group_counts_like_ours(redis: Connection) -> None:
    for name in ("implementation", "somebody-else"):
        group(redis, name)
    add(redis, "1-0", "2-0")
    acknowledge(redis, "implementation", *take(redis, "implementation", 2))

    assert trim(redis, STREAM, AGENTS) == 0


def test_ids_are_compared_to_the_last_digit(redis: Connection) -> None:
    """As floating-point numbers the two would be the same."""
    ids = ["1700000000000-18446744073709551614", "1700000000000-18446744073709551615"]
    group(redis, "implementation")
    add(redis, "9-0", *ids)
    take(redis, "implementation", 3)
    acknowledge(redis, "implementation", "9-0", ids[0])

    assert trim(redis, STREAM, AGENTS) == 2
    assert left(redis) == [ids[1]]


def test_a_stream_without_a_group_keeps_its_newest_ten_thousand(redis: Connection) -> None:
    redis.ask("EVAL", f"for i = 1, 10050 do redis.call('XADD', '{STREAM}', i .. '-0', 'd', '') end", "0")

    assert trim(redis, STREAM, AGENTS) == 50
    assert left(redis)[0] == "51-0"
    assert redis.ask("XLEN", STREAM) == 10_000


def test_streams_of_others_and_keys_that_are_gone_are_left_alone(redis: Connection) -> None:
    group(redis, "billing", "orders")
    add(redis, "1-0", "2-0", stream="orders")
    redis.ask("XREADGROUP", "GROUP", "billing", "c", "STREAMS", "orders", ">")
    redis.ask("XACK", "orders", "billing", "1-0", "2-0")
    assert trim(redis, "orders", AGENTS) == 0
    assert trim(redis, "gone", AGENTS) == 0
    redis.ask("SET", "text", "x")
    assert trim(redis, "text", AGENTS) == 0

    group(redis, "implementation", "orders")
    redis.ask("XREADGROUP", "GROUP", "implementation", "c", "STREAMS", "orders", ">")
    redis.ask("XACK", "orders", "implementation", "1-0", "2-0")
    assert trim(redis, "orders", AGENTS) == 1


def test_a_full_redis_can_be_trimmed(redis: Connection) -> None:
    group(redis, "implementation")
    add(redis, "1-0", "2-0")
    acknowledge(redis, "implementation", *take(redis, "implementation", 2))
    redis.ask("CONFIG", "SET", "maxmemory", "1")

    assert trim(redis, STREAM, AGENTS) == 1


def test_no_entry_is_lost_however_groups_take_and_acknowledge_while_it_is_trimmed(redis: Connection) -> None:
    """A thousand random steps: what a group has not acknowledged is there after each trimming."""
    chance = random.Random(4)
    group(redis, "implementation")
    taken: dict[str, list[str]] = {"implementation": []}
    acknowledged: dict[str, set[str]] = {"implementation": set()}
    added: list[str] = []
    for step in range(1, 1_001):
        name = chance.choice(list(taken))
        match chance.randrange(4):
            case 0:
                added.append(f"{step}-{chance.randrange(3)}")
                add(redis, added[-1])
            case 1:
                taken[name] += take(redis, name, chance.randrange(1, 5))
            case 2 if taken[name]:
                one = taken[name].pop(chance.randrange(len(taken[name])))
                acknowledge(redis, name, one)
                acknowledged[name].add(one)
            case _:
                trim(redis, STREAM, AGENTS)
                there = left(redis)
                for done in acknowledged.values():
                    needed = [one for one in added if one not in done]
                    assert needed == [one for one in there if one not in done]
        if step == 500:
            group(redis, "notification")
            taken["notification"] = []
            acknowledged["notification"] = set(added) - set(left(redis))  # before its time
    assert len(added) > 200
    assert len(left(redis)) < len(added)


async def test_the_supervisor_s_loop_trims_all_streams_and_says_a_failure_once(
    own_redis: Redis, redis: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "EVERY", 0.01)
    monkeypatch.setattr(trimming, "LOOK_FOR_STREAMS_EVERY", 1)
    said: list[str] = []
    wanted, failed = asyncio.Event(), asyncio.Event()

    def say(text: str) -> None:
        said.append(text)
        failed.set()

    group(redis, "implementation")
    add(redis, "1-0", "2-0")
    acknowledge(redis, "implementation", *take(redis, "implementation", 2))

    trimmed = asyncio.create_task(keep_trimmed(own_redis.port, AGENTS, wanted.is_set, say))
    await asyncio.sleep(0.1)
    assert left(redis) == ["1-0", "2-0"]  # not wanted yet
    wanted.set()
    async with asyncio.timeout(60):
        while left(redis) != ["2-0"]:  # noqa: ASYNC110  # Redis tells nobody
            await asyncio.sleep(0.01)
    own_redis.process.kill()
    async with asyncio.timeout(60):
        await failed.wait()
    await asyncio.sleep(0.2)
    trimmed.cancel()

    assert len(said) == 1
    assert said[0].startswith("streams are not trimmed: ")
