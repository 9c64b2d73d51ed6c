"""The guardrails around an agent's models, from the file that AGENTS_GUARDRAILS names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from agents.runtime.agent import Agent
from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry
from infrastructure.host.settings import Settings

Guard: TypeAlias = Callable[[LanguageModel], LanguageModel]


def guard_of(agent: Agent, settings: Settings, telemetry: Telemetry) -> Guard:
    """What puts them around a model; nothing without a file.

    Raises:
        GuardrailsInvalid: the file of guardrails is wrong.

    """
    if settings.guardrails is None:
        return lambda model: model
    # Imported only when chosen: their vocabulary is a part of every start otherwise.
    from infrastructure.guardrails.file import load_guardrails  # noqa: PLC0415
    from infrastructure.guardrails.guarded import guarded  # noqa: PLC0415

    guardrails = load_guardrails(settings.guardrails, agent.name, agent.tasks)
    return lambda model: guarded(model, guardrails, telemetry)
