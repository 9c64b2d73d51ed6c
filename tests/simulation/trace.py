"""A run for people to read: virtual time, process, what happened."""

from __future__ import annotations

from dataclasses import fields

from tests.simulation.scenario import Scenario
from tests.simulation.world import World


def trace(world: World) -> list[str]:
    return [*_scenario(world.scenario), *(_line(*entry) for entry in world.trace)]


def _scenario(scenario: Scenario) -> list[str]:
    lines = [f"seed {scenario.seed}: {scenario.replicas} replicas, faults {', '.join(scenario.faults) or 'none'}"]
    for n, plan in enumerate(scenario.plans):
        default = type(plan)()
        told = {f.name: getattr(plan, f.name) for f in fields(plan) if getattr(plan, f.name) != getattr(default, f.name)}
        if len(told.get("failures", ())) > 9:
            told["failures"] = (told["failures"][0], "for ever")
        lines.append(f"  plan {n}: {', '.join(f'{name} {_short(value)}' for name, value in told.items()) or 'succeeds'}")
    return lines


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return " then ".join(value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _line(at: float, who: str, text: str, arguments: tuple[object, ...]) -> str:
    return f"{at:10.3f}  {who:<7} {text % arguments}"
