"""Which cases a search learns from, which choose among what it found, and which judge the choice and are never seen before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain import json
from infrastructure.evaluation.cases import Case

LEAST_HELD_OUT: Final = 6
"""With fewer the exact interval of a paired comparison can say nothing (infrastructure/evaluation/compare.py)."""
LEAST_TO_LEARN: Final = 3
LEAST: Final = LEAST_HELD_OUT + 2 * LEAST_TO_LEARN
_HELD_OUT: Final = 0.4
_VALIDATION: Final = 0.25


class Unsuitable(ValueError):
    """Cases that a prompt cannot be optimised with: the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """No case is in two of them, and no input either."""

    training: tuple[Case, ...]
    validation: tuple[Case, ...]
    held_out: tuple[Case, ...]


def divide(cases: Sequence[Case], seed: int) -> Parts:
    """Four tenths held out, a quarter for validation, the rest for training; the same cases and seed give the same parts.

    The order of the cases in their file does not matter: they are sorted by a hash of the seed and their id.

    Raises:
        Unsuitable: fewer than `LEAST`, or two cases with the same input, one of which could give away the other.

    """
    if len(cases) < LEAST:
        raise Unsuitable(
            f"{len(cases)} cases, at least {LEAST} are needed, {LEAST_HELD_OUT} of them to judge by alone: "
            f"write {LEAST - len(cases)} more; thirty are a good number"
        )
    first: dict[bytes, str] = {}
    for case in cases:
        twin = first.setdefault(_written(case), case.id)
        if twin != case.id:
            raise Unsuitable(
                f"the cases {twin} and {case.id} have the same input: make one case of them, with the checks of both"
            )
    ordered = sorted(cases, key=lambda case: hashlib.sha256(f"{seed}/{case.id}".encode()).digest())
    held_out = max(LEAST_HELD_OUT, round(_HELD_OUT * len(cases)))
    validation = max(LEAST_TO_LEARN, round(_VALIDATION * len(cases)))
    return Parts(
        training=tuple(ordered[held_out + validation :]),
        validation=tuple(ordered[held_out : held_out + validation]),
        held_out=tuple(ordered[:held_out]),
    )


def _written(case: Case) -> bytes:
    return json.dump({name: case.input[name] for name in sorted(case.input)})
