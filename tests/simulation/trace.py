"""A run for people to read: virtual time, process, what happened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

from tests.simulation.scenario import Plan, Scenario
from tests.simulation.world import World

_RUNTIME = logging.getLogger("agents.runtime")


def trace(world: World) -> list[str]:
    """The scenario and everything that happened; the same seed gives the same lines."""
    return [*_scenario(world.scenario), *(_line(*entry) for entry in world.trace)]


@contextmanager
def quietly() -> Iterator[None]:
    """The runtime's log costs more than the runtime."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def logs_in() -> Iterator[None]:
    """The runtime's own log goes into the trace."""
    handler, level, propagates = _IntoTrace(), _RUNTIME.level, _RUNTIME.propagate
    _RUNTIME.addHandler(handler)
    _RUNTIME.setLevel(logging.INFO)
    _RUNTIME.propagate = False
    try:
        yield
    finally:
        _RUNTIME.removeHandler(handler)
        _RUNTIME.setLevel(level)
        _RUNTIME.propagate = propagates


class _IntoTrace(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        process = getattr(asyncio.get_running_loop(), "process", None)
        if process is not None:
            process.world.note(process.name, "   log: %s", record.getMessage())


def _scenario(scenario: Scenario) -> list[str]:
    order = "in order" if scenario.orderly else "in any order"
    faults = f"up to {scenario.budget} of: {', '.join(scenario.faults)}" if scenario.faults else "none"
    lines = [f"seed {scenario.seed}: {scenario.replicas} replicas, callbacks {order}, faults: {faults}"]
    lines += [f"  plan {n}: {_plan(plan)}" for n, plan in enumerate(scenario.plans)]
    return lines


def _plan(plan: Plan) -> str:
    told = [
        f"{field.name} {_short(getattr(plan, field.name))}"
        for field in fields(Plan)
        if getattr(plan, field.name) != field.default
    ]
    return ", ".join(told) or "succeeds at once"


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return " then ".join(value) if len(value) < 9 else f"{value[0]} for ever"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _line(at: float, who: str, text: str, arguments: tuple[object, ...]) -> str:
    return f"{at:10.3f}  {who:<7} {text % arguments}"
