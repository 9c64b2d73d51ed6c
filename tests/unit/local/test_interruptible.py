"""Whatever tells a command to end ends it, also in its last moment."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from cli.local.interruptible import SIGNALS, run


@pytest.mark.parametrize("number", SIGNALS)
def test_work_that_is_told_to_end_cleans_up_and_is_interrupted(number: signal.Signals) -> None:
    said = []

    async def work() -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.sleep(60)
        finally:
            said.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert said == ["cleaned up"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_as_the_work_ends_is_not_lost(number: signal.Signals) -> None:
    async def work() -> str:
        os.kill(os.getpid(), number)
        return "done"

    with pytest.raises(KeyboardInterrupt):
        run(work())


def test_what_was_there_to_handle_signals_is_there_again() -> None:
    async def work() -> str:
        return "done"

    before = [signal.getsignal(number) for number in SIGNALS]
    assert run(work()) == "done"
    assert [signal.getsignal(number) for number in SIGNALS] == before
