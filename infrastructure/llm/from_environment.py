"""The one model that LLM_PROVIDER and its like name, as an agent asks it: circuit breaker and trace around its client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from domain.ports.model import LanguageModel
from infrastructure.llm.circuit import CircuitBreaker
from infrastructure.llm.clients.factory import model_from
from infrastructure.llm.clients.settings import ModelSettings

Trace: TypeAlias = Callable[[LanguageModel, str, str], LanguageModel]
"""Wrap a model so that its calls are traced, given its provider and its name on the wire."""


def stack_from_environment(settings: ModelSettings, trace: Trace) -> LanguageModel:
    """Raises ValueError: the chosen client's package is not installed."""
    model = CircuitBreaker(model_from(settings))
    return trace(model, settings.llm_provider, settings.model_name)
