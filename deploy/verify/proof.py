"""A list of sentences, each proved or not: how `make verify-deploy` and `make verify-image` tell what holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from cli.errors import CommandError


@dataclass(frozen=True)
class Proof:
    """One sentence that holds, or raises CommandError; what it returns is said beside it."""

    sentence: str
    prove: Callable[[], str]


def all_hold(proofs: Sequence[Proof], console: Console) -> bool:
    """Prove each, one after the other, whatever became of those before it."""
    failed = 0
    for proof in proofs:
        began = time.monotonic()
        if console.is_terminal:
            console.print(f"… {proof.sentence}", end="\r")
        try:
            said = proof.prove()
        except CommandError as error:
            failed += 1
            console.print(f"[red]✗[/] {proof.sentence}")
            console.print(
                error.message + (f"\n  {error.hint}" if error.hint else ""), markup=False, soft_wrap=True
            )
        else:
            took = time.monotonic() - began
            console.print(f"[green]✓[/] {proof.sentence}: {said} ({took:.1f} s)", soft_wrap=True)
    return not failed
