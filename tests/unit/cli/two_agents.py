"""Two agents without a model: one plans, the other reads what was planned, and reports back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.runtime import Agent, Context, Outcome
from domain.errors import ModelUnavailable, Rejected
from domain.event import EventData


class PlanMade(EventData, type="agents.planner.plan.made"):
    title: str
    slow: float = 0.0


class PlanRead(EventData, type="agents.reader.plan.read"):
    title: str


class Step(BaseModel):
    name: str
    minutes: int = 1


class MakePlan(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"title": "Spring cleaning", "tags": ["home", "dirt"], "urgent": True}]
        },
    )

    title: Annotated[str, Field(min_length=1, max_length=80, description="What it is about.")]
    kind: Literal["work", "home"] = "home"
    tags: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    weight: float | None = Field(None, ge=0, le=1)
    people: int = Field(1, ge=1, le=9)
    urgent: bool = False
    first: Step | None = None
    json_: str | None = Field(None, alias="json")
    slow: float = 0.0


class Plan(BaseModel):
    title: str
    made_from: MakePlan


PLANNER = Agent("planner", description="Plans.")
PLANNER.publishes(PlanMade)
READER = Agent("reader", description="Reads.")
READER.publishes(PlanRead)


@PLANNER.task()
async def make_plan(wanted: MakePlan, ctx: Context) -> Outcome:
    """Make a plan."""
    if wanted.title == "impossible":
        raise Rejected("this cannot be planned")
    if wanted.title == "model away":
        raise ModelUnavailable("the model is away", retry_after=7)
    await asyncio.sleep(wanted.slow)
    return Outcome(
        output=Plan(title=wanted.title, made_from=wanted),
        events=[PlanMade(title=wanted.title, slow=wanted.slow)],
    )


@READER.on(PlanMade)
async def read_plan(plan: PlanMade, ctx: Context) -> Outcome:
    """Read a plan."""
    if plan.title == "unreadable":
        raise Rejected("nobody can read this")
    await asyncio.sleep(plan.slow)
    return Outcome(output=plan, events=[PlanRead(title=plan.title)])


@PLANNER.on(PlanRead)
async def note_reading(plan: PlanRead, ctx: Context) -> Outcome:
    """Note that a plan was read."""
    return Outcome(output=plan)
