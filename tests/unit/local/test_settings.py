"""Settings of the local platform."""

from __future__ import annotations

import pytest

from cli.errors import CommandError
from cli.local.settings import read_settings


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 2**30), ("64mb", 64 * 2**20), ("2GB", 2**31), ("20000kb", 20_480_000), ("9000000", 9_000_000)],
)
def test_memory_is_given_as_redis_takes_it(text: str, size: int) -> None:
    assert read_settings({"AGENTS_REDIS_MAXMEMORY": text}).redis_maxmemory == size


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AGENTS_REDIS_MAXMEMORY", "lots", "give a number with kb, mb or gb, as 512mb"),
        ("AGENTS_REDIS_MAXMEMORY", "-1", "give a number with kb, mb or gb, as 512mb"),
        ("AGENTS_REDIS_MAXMEMORY", "0", "Redis needs 8mb at least"),
        ("AGENTS_REDIS_APPENDFSYNC", "no", "Input should be 'everysec' or 'always'"),
        ("AGENTS_FREEZE_DETECTION", "no", "Input should be 'on' or 'off'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(name: str, value: str, told: str) -> None:
    with pytest.raises(CommandError) as error:
        read_settings({name: value})
    assert error.value.message == f"{name} is {value!r}: {told}"


def test_several_wrong_settings_are_named_together() -> None:
    with pytest.raises(CommandError) as error:
        read_settings({"AGENTS_REDIS_APPENDFSYNC": "no", "AGENTS_REPLICAS": "devops"})
    assert error.value.message.splitlines() == [
        "AGENTS_REPLICAS is 'devops': 'devops' is not AGENT=NUMBER, as implementation=3",
        "  AGENTS_REDIS_APPENDFSYNC is 'no': Input should be 'everysec' or 'always'",
    ]
