"""The event that tells of a version which was taken back. Whoever publishes it, and however often, it is the same event."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from domain.event import Event
from domain.rollout import TakenBack


def rolled_back(agent: str, topic: str, one: TakenBack) -> Event:
    """With an id of its own for each version and experiment; the rest of what is told is in the document as well."""
    # Imported when it is told, which is seldom: a class for each agent is 20 ms of every start.
    from domain.events.prompts import PromptRolledBack  # noqa: PLC0415

    identity = str(uuid5(NAMESPACE_URL, f"{agent}/{one.prompt}/{one.version}/r{one.revision}/rolled-back"))
    data = PromptRolledBack(
        agent=agent,
        prompt=one.prompt,
        prompt_version=one.version,
        baseline=one.baseline,
        criterion=one.criterion,
        because=one.because,
        share=one.share,
        revision=one.revision,
        at=one.at,
    )
    return Event.of_agent(
        agent,
        topic,
        identity=identity,
        data=data.model_dump(mode="json"),
        subject=f"prompts/{agent}/{one.prompt}/{one.version}",
        correlationid=identity,
    )
