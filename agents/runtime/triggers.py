"""Triggers that cannot stay as they came: of another identity, too large for any store, or not what they were before."""

from __future__ import annotations

from agents.runtime.records import excerpt
from domain.errors import IdReused
from domain.event import LONGEST
from domain.execution import Failure, Trigger


def changed(trigger: Trigger, **changes: object) -> Trigger:
    """A copy without the identity and digest that the original has computed already."""
    return Trigger.model_validate({**dict(trigger), **changes})


def without_original(trigger: Trigger, refusal: Failure) -> Trigger:
    """What is left of a trigger that no store takes: of everything that a stranger may have made long, the beginning."""
    return Trigger(
        agent=trigger.agent,
        task=trigger.task[:LONGEST],
        source=trigger.source[:LONGEST],
        key=trigger.key if len(trigger.key) <= LONGEST else trigger.digest,
        input=excerpt(trigger),
        correlation_id=(trigger.correlation_id or "")[:LONGEST] or None,
        causation_id=(trigger.causation_id or "")[:LONGEST] or None,
        hops=trigger.hops,
        refusal=refusal,
    )


def require_same_input(trigger: Trigger, digest: str) -> None:
    if trigger.digest != digest:
        raise IdReused(
            f"{trigger.source} used the identity {trigger.key!r} before for {trigger.agent}/{trigger.task}, with another "
            "input: use a new one for new work",
            execution_id=trigger.execution_id,
        )
