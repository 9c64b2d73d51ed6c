"""What every agent says of work that failed for good. Its own topic for each agent, one shape for all."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from domain.entities.values import Reference
from domain.event import EventData


class DeadLettered(EventData):
    """An execution failed for good. It is listed under `/api/<agent>/dead-letters`, where it can be replayed."""

    execution_id: Reference = Field(description="The failed execution; its record tells more.")
    agent: Reference
    task: Reference
    cause: Reference = Field(description="The error's code.")
    message: str = Field(max_length=2000, description="The error, for people.")
    attempts: int = Field(ge=0)
    original: Any = Field(
        None, description="The event whole, or digest, size and an excerpt of one that was too large."
    )


class DevopsDeadLettered(DeadLettered, type="agents.devops.dead-letter"): ...


class ImplementationDeadLettered(DeadLettered, type="agents.implementation.dead-letter"): ...


class NotificationDeadLettered(DeadLettered, type="agents.notification.dead-letter"): ...


class ServiceDeskDeadLettered(DeadLettered, type="agents.servicedesk.dead-letter"): ...


class TestPlanningDeadLettered(DeadLettered, type="agents.testplanning.dead-letter"): ...
