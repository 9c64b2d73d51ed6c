"""The models of an agent, from the file that AGENTS_MODELS names or from the environment alone."""

from __future__ import annotations

import os

from agents.runtime.agent import Agent
from domain.errors import ModelsInvalid
from domain.ports.model import LanguageModel
from domain.ports.telemetry import Telemetry
from infrastructure.host.settings import Settings
from infrastructure.llm.catalogue import DEFAULT, Catalogue
from infrastructure.llm.catalogue_file import load_catalogue
from infrastructure.llm.stack import Stack, Surroundings, stack_from_environment
from infrastructure.telemetry.model import TracedModel


def read_models(agent: Agent, settings: Settings) -> Catalogue | None:
    """The catalogue, checked; None without AGENTS_MODELS.

    Raises:
        ModelsInvalid: the file is wrong, or speaks of a task that the agent does not have.

    """
    if settings.models is None:
        return None
    catalogue = load_catalogue(settings.models)
    unknown = [task for task in catalogue.routes(agent.name) if task not in agent.tasks and task != DEFAULT]
    if unknown:
        raise ModelsInvalid(
            f"{settings.models}: there is no task {agent.name}/{unknown[0]}: "
            f"write one of {', '.join(agent.tasks)}, or {agent.name} alone for all of them"
        )
    return catalogue


def model_of(
    agent: Agent, settings: Settings, catalogue: Catalogue | None, telemetry: Telemetry
) -> LanguageModel:
    def trace(model: LanguageModel, provider: str, name: str) -> LanguageModel:
        return TracedModel(model, telemetry, provider=provider, name=name)

    if catalogue is None:
        return stack_from_environment(settings, trace)
    around = Surroundings(agent.name, os.environ, settings.agents_model_client, telemetry, trace)
    return Stack(catalogue, around).model()
