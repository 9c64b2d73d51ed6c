"""What a row yields, and what it has to be."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True)
class Targets:
    """None: not asked of this row. Times in seconds."""

    lost: int | None = 0
    doubles: int | None = 0
    back: float | None = 10.0
    calls_per_event: float | None = None
    repeated_effects: bool = True
    """Whether the receiver knows by its key what it got before. Where it does not, only what a kill cut off may come again."""


class Figures(BaseModel):
    """Counted outside. `asked`: chains as the command was given them. `calls_per_event`: model calls for each event that needs one. `back`: the longest time from the
    end of a fault to the next effect; `last`: from the end of the last fault, or of publishing, to the last effect.
    """

    row: str
    on: str = "redis"
    """The components."""
    chains: int
    asked: int
    seed: int
    lost: int = 0
    doubles: int = 0
    repeated_publications: int = 0
    repeated_effects: int = 0
    unexplained_repeats: int = 0
    """Effects that came again although no process was killed after they were had and before that was recorded."""
    calls_per_event: float = 0.0
    calls_after_record: int = 0
    dead_letters: dict[str, int] = {}
    given_up: int | None = None
    """What the broker put into dead letters of its own; None where it has none."""
    kills: int = 0
    died: dict[str, int] = {}
    back: float | None = None
    last: float | None = None
    events_per_second: float = 0.0
    notes: list[str] = []
    problems: list[str] = []
    at: str = ""

    @property
    def command(self) -> str:
        on = "" if self.on == "redis" else f" --components {self.on}"
        return f"python -m tests.faults {self.row}{on} --chains {self.asked} --seed {self.seed}"

    def judge(self, targets: Targets) -> None:
        """Add to `problems` what the targets forbid."""
        found = self.problems
        if targets.lost is not None and self.lost > targets.lost:
            found.append(f"{self.lost} of {self.chains} chains were lost")
        if targets.doubles is not None and self.doubles > targets.doubles:
            found.append(f"{self.doubles} chains were seen twice")
        if targets.back is not None and self.back is not None and self.back > targets.back:
            found.append(f"back at work {self.back:.1f} s after the end of a fault")
        if targets.calls_per_event is not None and self.calls_per_event > targets.calls_per_event:
            found.append(
                f"{self.calls_per_event:.3f} model calls per event, {targets.calls_per_event:g} are due"
            )
        if self.calls_after_record:
            found.append(f"{self.calls_after_record} model calls for work that had been recorded")
        if self.given_up:
            found.append(f"{self.given_up} events are in the broker's own dead letters")
        if targets.repeated_effects is False and self.unexplained_repeats:
            found.append(
                f"{self.unexplained_repeats} mails were sent again without a kill between mail and record"
            )
        found += [f"{name} ended {times} times by itself" for name, times in self.died.items()]

    def __str__(self) -> str:
        verdict = "FAILED" if self.problems else "ok"
        letters = ", ".join(f"{count} {cause}" for cause, count in self.dead_letters.items()) or "none"
        back, last = (f"{value:.1f} s" if value is not None else "-" for value in (self.back, self.last))
        lines = [
            (
                f"{self.row}: {verdict}. {self.chains} chains, {self.lost} lost, {self.doubles} doubled, "
                f"{self.repeated_publications} publications and {self.repeated_effects} effects repeated under their id, "
                f"{self.calls_per_event:.3f} model calls per event, dead letters: {letters}, {self.kills} kills, "
                f"back {back}, last {last}, {self.events_per_second:.0f} events/s"
            ),
            *(f"    note: {note}" for note in self.notes),
            *(f"    FAILED: {problem}" for problem in self.problems),
            *([f"    again: {self.command}"] if self.problems else []),
        ]
        return "\n".join(lines)
