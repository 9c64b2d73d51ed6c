"""Releases that follow each other while work flows, forward and back."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from tests.faults.field import RATE, Field
from tests.faults.load import spec_event
from tests.faults.outside.chains import RECORDED_BY
from tests.faults.rows.kills import restart
from tests.faults.rows.redis import redis_of
from tests.faults.rows.row import Row
from tests.faults.system import NEWER, OLDER, Options

LASTS = 3.0
"""Seconds over which a part of the load comes: about what a replica takes to be replaced."""
PATIENCE = 120.0
"""Seconds in which a replica has to be replaced, however busy the machine is."""


async def upgraded_and_back(field: Field) -> None:
    """Each replica in turn becomes release N, then each in turn N−1 again; every second publisher is on N from the start."""
    field.outside.behave(keep=[field.run])
    replicas = field.system.apps("implementation")
    parts = 2 * len(replicas) + 1
    rate = min(RATE, len(field.markers) / parts / LASTS)
    async with field.load(rate=rate, event=_event, parts=parts):
        await field.until(lambda: field.done() > 0, PATIENCE)  # there is something that N−1 wrote
        for release in (NEWER, OLDER):
            for name in replicas:
                field.next_part()
                field.system.install(release, name)
                await restart(field, name, PATIENCE)
    await field.drained(PATIENCE)
    await _compare_with_tally(field)


async def _compare_with_tally(field: Field) -> None:
    """The documents that both releases changed, against the events that were seen outside."""
    kind = RECORDED_BY["generate_code"]
    kept = await asyncio.to_thread(field.outside.kept, field.run)
    events = [json.loads(message) for topic, message in kept if topic == kind]
    newer = [event["data"] for event in events if "urgency" in event["data"]]
    urgent = sum(data["urgency"] == "high" for data in newer)
    found = await _tally(field)
    field.note(
        f"release N wrote {len(newer)} of {len(events)} codes and counted {found['urgent']} of {urgent} urgent ones; "
        f"both releases counted {found['written']} of {len(field.markers)}"
    )
    if found["written"] != len(field.markers):
        field.problem(f"the tally has {found['written']} codes of {len(field.markers)}")
    if found["urgent"] != urgent:
        field.problem(
            f"the tally has {found['urgent']} of {urgent} urgent codes: N−1 dropped a field that it does not know"
        )
    if not 0 < len(newer) < len(events):
        field.problem("only one of the releases worked: the row proves nothing")


async def _tally(field: Field) -> Counter[str]:
    """As the documents lie in Redis: what either release thinks of them decides nothing."""
    found: Counter[str] = Counter(written=0, urgent=0)
    async for key in redis_of(field).client.scan_iter("implementation||entity:tally:*"):
        stored = await redis_of(field).client.hget(key, "data")
        found.update(json.loads(stored or "{}")["state"])
    return found


def _event(marker: str) -> bytes:
    return spec_event(marker, urgency="high") if int(marker[-1]) % 2 else spec_event(marker)


UPGRADE = [
    Row(
        "u",
        "rolling upgrade to a release with another schema, and back",
        upgraded_and_back,
        Options(releases=True),
        absent=dict.fromkeys(["azure-stand-ins", "postgres"], "its documents are read from Redis"),
    )
]
