"""The schemas of what an agent's tasks take, from their declarations."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic.json_schema import models_json_schema

from agents.runtime.agent import Agent
from domain.json import JsonObject
from infrastructure.host.openapi.schemas import SCHEMAS
from infrastructure.host.openapi.shapes import REF


@dataclass(frozen=True)
class Inputs:
    """The schema of each task's input, and the definitions that these refer to, under names that never collide."""

    schemas: dict[str, JsonObject]
    definitions: JsonObject


def inputs_of(agent: Agent) -> Inputs:
    models = {task.name: task.input for task in agent.tasks.values()}
    wanted = dict.fromkeys((model, "validation") for model in models.values())
    references, schema = models_json_schema([*wanted], ref_template=REF + "{model}")  # type: ignore[list-item]
    if taken := SCHEMAS.keys() & schema.get("$defs", {}).keys():
        raise ValueError(
            f"{agent.name}: rename the input models {', '.join(sorted(taken))}: the API has its own"
        )
    return Inputs(
        {name: references[model, "validation"] for name, model in models.items()}, schema.get("$defs", {})
    )
