"""The story of an execution: its attempts in order, why each ended, and what became of its events."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from cli.readable import age, one_line, when
from domain.json import JsonObject

_ENDS = {
    "completed": ("completed", "green"),
    "failed": ("failed for good", "red"),
    "lost": ("its owner was lost", "yellow"),
    "handed_back": ("handed back: its owner was shut down", "yellow"),
}
_BEGINNINGS = {"lost": "takes it over", "handed_back": "takes it up again"}


@dataclass(frozen=True)
class Happened:
    """`at` is None where nobody noted the time."""

    at: str | None
    what: str
    colour: str = ""


def history_of(record: JsonObject) -> list[JsonObject]:
    """The attempts; agents of the version before told those of unfinished work alone, as `attempts`."""
    attempts = record.get("attempts")
    history: list[JsonObject] = record.get("history") or (attempts if isinstance(attempts, list) else [])
    return history


def attempts_of(record: JsonObject) -> str:
    """How many there were, and of several how each kind ended: `3: 2 lost, 1 completed`."""
    history = history_of(record)
    if len(history) < 2:
        return str(len(history) or record["attempts"] or 0)
    unfinished = "waiting" if record.get("waits_for") else "at work"
    ends = Counter(
        {None: unfinished, "handed_back": "handed back"}.get(
            one["ended"], one["ended"] if one["ended"] in _ENDS else "failed"
        )
        for one in history
    )
    return f"{len(history)}: " + ", ".join(f"{count} {end}" for end, count in ends.items())


def story_of(record: JsonObject) -> Iterator[Happened]:
    """What happened to an execution (or to a dead letter's), from its first attempt to its publication."""
    before: str | None = None
    for number, attempt in enumerate(history_of(record), 1):
        owner = one_line(attempt["owner"]) + (
            f" ({one_line(attempt['version'])})" if attempt.get("version") else ""
        )
        verb = _BEGINNINGS.get(before or "", "tries again" if before else "begins")
        yield Happened(attempt.get("started_at"), f"attempt {number}: {owner} {verb}")
        before = attempt["ended"]
        if before is not None:
            what, colour = _ENDS.get(before, (f"failed: {one_line(before)}", "red"))
            yield Happened(attempt.get("ended_at"), what, colour)
        elif record.get("waits_for"):
            yield Happened(None, f"waits for {one_line(record['waits_for'])}", "yellow")
        else:
            began = attempt.get("started_at")
            yield Happened(None, f"at work for {age(began)}" if began else "at work", "cyan")
    yield from _publication(record)


def story_lines(record: JsonObject) -> Iterator[Text]:
    told = list(story_of(record))
    times = [when(happened.at) if happened.at else "" for happened in told]
    width = max(map(len, times), default=0)
    for happened, time in zip(told, times, strict=True):
        yield Text.assemble("  ", (f"{time:{width}}", "dim"), "  ", (happened.what, happened.colour))


def _publication(record: JsonObject) -> Iterator[Happened]:
    events = record.get("events")
    if not events or "published_at" not in record:
        return
    refused = set(record.get("undeliverable") or [])
    published = len(events) - len(refused)
    counted = f"{published} event{'' if published == 1 else 's'}"
    if record["published_at"] is None:
        yield Happened(None, f"{counted} not published yet", "yellow")
    elif published:
        yield Happened(record["published_at"], f"published {counted}", "green")
    for event in events:
        if event["id"] in refused:
            what = f"no broker takes event {one_line(event['type'])}  {one_line(event['id'])}"
            yield Happened(record["published_at"], what, "red")
