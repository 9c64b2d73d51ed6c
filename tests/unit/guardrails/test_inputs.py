"""The set that the guardrails are judged by stays as it was split, before there was a rule."""

from __future__ import annotations

import hashlib
from collections import Counter

from tests.guardrails.inputs import FILE, read_inputs

FROZEN = "e0f77bc428ff1241c3fd7094c579b40ed024b8fc3fb0e5000eb0a3e052e6fcb5"


def test_nobody_changes_a_text_or_moves_it_to_the_other_half() -> None:
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == FROZEN


def test_each_half_holds_fifty_attacks_and_fifty_harmless_texts_of_each_language() -> None:
    halves = Counter((each.split, each.label, each.language) for each in read_inputs())
    assert halves == {
        (split, label, language): 50
        for split in ("dev", "held_out")
        for label in ("attack", "harmless")
        for language in ("de", "en")
    }


def test_no_text_and_no_id_stands_there_twice() -> None:
    inputs = read_inputs()
    assert len({each.id for each in inputs}) == len({each.text for each in inputs}) == 400
