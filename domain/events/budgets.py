"""What every agent says when a soft budget is passed. Its own topic for each agent, one shape for all."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.entities.values import Reference
from domain.event import EventData

BUDGET_EXCEEDED = ".budget.exceeded"
"""The end of the event's type; before it stands `agents.` and the agent's domain."""


class BudgetPassed(EventData):
    """A soft budget was passed: said once for each budget and period. The work goes on."""

    agent: Reference
    scope: Literal["execution", "chain", "day"]
    period: str = Field(description="The execution's id, the chain's correlation id, or the day (UTC).")
    resource: Literal["tokens", "cost", "calls"]
    bound: float = Field(ge=0)
    spent: float = Field(ge=0, description="So far.")
    currency: str | None = Field(None, description="What costs are in; absent for tokens and calls.")
