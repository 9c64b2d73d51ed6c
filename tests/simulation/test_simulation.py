"""The proof in memory: 20,000 seeds keep every promise, and a runtime broken on purpose is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from tests.simulation import __main__ as command
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.play import play
from tests.simulation.trace import quietly

Record = Callable[[str, object], None]
SEEDS = 20_000
PROCESSES = os.cpu_count() or 1
NOTICED_WITHIN = 2_000
"""Seeds after which a broken runtime must have been noticed."""


def _in_a_process(*arguments: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--json", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.timeout(600)
def test_no_promise_is_broken_in_20_000_seeds(record_property: Record) -> None:
    # Two for each core: one that ends early does not leave its core idle.
    ends = [SEEDS * part // (2 * PROCESSES) for part in range(2 * PROCESSES + 1)]
    chunks = [f"{first}..{last}" for first, last in pairwise(ends)]
    with ThreadPoolExecutor(PROCESSES) as processes:
        results = list(processes.map(lambda chunk: _in_a_process("--seeds", chunk), chunks))
    failed = {int(seed): rules for result in results for seed, rules in result["failed"].items()}
    if failed:
        seed = min(failed)
        shown = _in_a_process(str(seed))
        pytest.fail(
            "\n".join([*shown["trace"], *failed[seed], f"again: {command.replay(seed)}"]), pytrace=False
        )
    totals = {
        name: sum(result[name] for result in results) for name in ("played", "runs", "published", "repeated")
    }
    for name, total in totals.items():
        record_property(name, total)
    print(totals)  # noqa: T201  # shown by pytest -rP
    assert totals["played"] == SEEDS
    # Under as many faults as these scenarios hold, one publication in ten or so comes again, under its own id.
    assert totals["repeated"] / totals["published"] < 0.1


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda mutant: mutant.name)
def test_a_broken_runtime_is_noticed(mutant: Mutant, record_property: Record) -> None:
    with quietly(), mutant.applied():
        seed = next((seed for seed in range(NOTICED_WITHIN) if play(seed).ledger.violations), None)
    assert seed is not None, f"not noticed in {NOTICED_WITHIN} seeds: {mutant.description}"
    record_property("noticed after", seed + 1)
    print(f"{mutant.name}: noticed after {seed + 1} seeds")  # noqa: T201  # shown by pytest -rP


def test_the_same_seeds_give_the_same_traces_in_any_process() -> None:
    one = _in_a_process("--digest", "--seeds", "0..100", PYTHONHASHSEED="1")
    other = _in_a_process("--digest", "--seeds", "0..100", PYTHONHASHSEED="2")
    assert one["traces"] == other["traces"]


def test_another_seed_is_another_story() -> None:
    traces = {_in_a_process("--digest", "--seeds", f"{seed}..{seed + 1}")["traces"] for seed in range(3)}
    assert len(traces) == 3


def test_a_seed_that_fails_is_shown_with_its_trace_and_the_command_that_plays_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["--seeds", "0..50", "--mutant", "marked-before-published"]) == 1
    told = capsys.readouterr().out
    assert "was marked as published before its events were out" in told
    assert " --mutant marked-before-published\n" in told
    again = next(line for line in told.splitlines() if "python -m tests.simulation" in line).partition(
        "tests.simulation "
    )[2]
    assert command.main(again.split()) == 1
    shown = capsys.readouterr().out
    assert "world   publishes" in shown
    assert "LEDGER  !!" in shown
    assert told.endswith(shown)


def test_a_seed_that_holds_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["0"]) == 0
    assert capsys.readouterr().out.endswith("all holds\n")


@pytest.mark.parametrize(
    "arguments", [[], ["1", "--seeds", "0..5"], ["--seeds", "five"], ["--mutant", "none", "1"]]
)
def test_wrong_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(arguments)
    assert refused.value.code == 2
    assert "usage: python -m tests.simulation" in capsys.readouterr().err
