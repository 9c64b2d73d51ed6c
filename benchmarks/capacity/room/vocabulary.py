"""Events of the benchmark's agents: a specification in, code out, as in `implementation`, under names of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from domain.events.implementation import CodeGenerated
from domain.events.testplanning import SpecGenerated

Bulk = Annotated[str, StringConstraints(max_length=8 * 2**20)]
"""No bound of ours: the limits of the runtime are what is looked for."""


class BulkOffered(SpecGenerated, type="agents.bulk.item.offered"):
    content: Bulk = ""
    pass_on: bool = Field(
        default=False, description="Whether the content goes into the event that comes out."
    )


class BulkHandled(CodeGenerated, type="agents.bulk.item.handled"):
    content: Bulk = ""


class HopReached(SpecGenerated, type="agents.chain.hop.reached"):
    hops_left: int = Field(1, ge=1, le=16)


class EndReached(CodeGenerated, type="agents.chain.end.reached"): ...


class SpecOffered(SpecGenerated):
    """What an agent that stands beside others takes: each has a type of its own."""


class CodeWritten(CodeGenerated):
    """What such an agent makes."""


def offered(agent: str, what: str = "spec") -> type[SpecOffered]:
    return type(
        f"{what.title()}Offered",
        (SpecOffered,),
        {"__module__": __name__},
        type=f"agents.{agent}.{what}.offered",
    )


def written(agent: str) -> type[CodeWritten]:
    return type("CodeWritten", (CodeWritten,), {"__module__": __name__}, type=f"agents.{agent}.code.written")
