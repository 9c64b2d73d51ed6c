"""AMQP's type system: the standard's own bytes, and whatever comes back as it went."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.local.azure.amqp import values
from cli.local.azure.amqp.values import Described, Malformed, Symbol, decoded


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x40", None),
        (b"\x56\x01", True),
        (b"\x56\x00", False),
        (b"\x43", 0),
        (b"\x70\x00\x00\x01\x00", 256),
        (b"\x54\xff", -1),
        (b"\x83\x00\x00\x01\x3f\x35\x2d\xb8\x00", 1_370_986_756_096),
        (b"\x73\x00\x00\x00\x41", "A"),
        (b"\xa1\x04\xc3\xbc\xc3\x9f", "üß"),
        (b"\xa3\x05$cbs!", Symbol("$cbs!")),
        (b"\x45", []),
        (b"\xc0\x04\x02\x42\x54\x07", [False, 7]),
        (b"\xc1\x05\x02\xa1\x01a\x44", {"a": 0}),
        (b"\xe0\x22\x02\x98" + bytes(32), [UUID(int=0), UUID(int=0)]),
        (b"\x00\x53\x24\x45", Described(0x24, [])),
        (b"\x00\xa3\x03x:y\x41", Described(Symbol("x:y"), value=True)),
    ],
    ids=lambda one: one.hex() if isinstance(one, bytes) else None,
)
def test_bytes_become_what_the_standard_says(data: bytes, value: Any) -> None:
    assert decoded(data) == value


@given(st.integers(0, 2**32 - 1))
def test_an_unsigned_integer_comes_back(number: int) -> None:
    assert decoded(values.uint(number)) == number


@given(st.integers(0, 2**64 - 1))
def test_an_unsigned_long_comes_back(number: int) -> None:
    assert decoded(values.ulong(number)) == number


@given(st.text(max_size=600), st.binary(max_size=600))
def test_texts_and_bytes_come_back_whatever_their_length(text: str, data: bytes) -> None:
    assert decoded(values.string(text)) == text
    assert decoded(values.binary(data)) == data


@given(st.lists(st.text(max_size=40), max_size=300))
def test_lists_come_back_whatever_their_length(texts: list[str]) -> None:
    assert decoded(values.listed([values.string(text) for text in texts])) == texts


def test_trailing_nulls_of_a_list_are_left_out() -> None:
    assert values.listed([values.uint(1), values.NULL, values.NULL]) == b"\xc0\x03\x01\x52\x01"


def test_an_array_of_times_comes_back() -> None:
    assert decoded(values.timestamps([1, 2])) == [1, 2]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        decoded(data)
