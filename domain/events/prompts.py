"""What every agent says of a prompt's version that lost its work. Its own topic for each agent, one shape for all."""

from __future__ import annotations

from pydantic import Field

from domain.entities.values import Reference
from domain.event import EventData
from domain.rollout import Criterion


class PromptRolledBack(EventData):
    """A version gets no more work: it was significantly worse than its baseline, or somebody decided so."""

    agent: Reference
    prompt: Reference
    prompt_version: Reference = Field(description="The version that was taken back.")
    baseline: Reference = Field(description="The version that gets its work now.")
    criterion: Criterion
    because: str = Field(
        max_length=1000, description="The figures, or the reason that was given, for people."
    )
    share: int = Field(ge=0, le=100, description="Per cent of the work that it had.")
    revision: int = Field(description="The split that it was part of; `stats` shows the figures.")
    at: str


class DevopsPromptRolledBack(PromptRolledBack, type="agents.devops.prompt.rolled-back"): ...


class ImplementationPromptRolledBack(PromptRolledBack, type="agents.implementation.prompt.rolled-back"): ...


class NotificationPromptRolledBack(PromptRolledBack, type="agents.notification.prompt.rolled-back"): ...


class ServiceDeskPromptRolledBack(PromptRolledBack, type="agents.servicedesk.prompt.rolled-back"): ...


class TestPlanningPromptRolledBack(PromptRolledBack, type="agents.testplanning.prompt.rolled-back"): ...
