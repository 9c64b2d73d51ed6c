"""The times and limits of the life cycle. They depend on each other, so one object derives and checks them."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Timing:
    """All times in seconds.

    `lease`: a claim may be taken over when neither it nor its owner's pulse has moved for so long.
    `redelivery_after`: when the broker offers an unanswered message again (Redis: processingTimeout). Where it does not, and
    counts those that were answered RETRY (Service Bus), how long a delivery of known work is held before that.
    `max_attempts`: how often a handler may fail before its execution is recorded as failed.
    `suspect_after`: after so many lost processes an execution runs only while no other such one runs in the replica.
    `max_crashes`: how often an execution may lose its process before it is recorded as failed.
    `max_waiting`: how many deliveries may wait for work that another replica holds: fewer than the sidecar's workers.
    `max_runs`: how many executions a replica works on before it refuses requests.
    `retention`: how long an outcome can be asked for, and a repeated event is recognised.
    """

    lease: float = 2.0
    redelivery_after: float = 3.0
    max_attempts: int = 3
    suspect_after: int = 2
    max_crashes: int = 5
    max_waiting: int = 48
    max_runs: int = 256
    retention: int = 7 * DAY
    max_document_bytes: int = 1_900_000
    max_event_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        if not 0.1 <= self.lease <= 0.8 * self.redelivery_after:
            raise ValueError(
                f"a lease of {self.lease} s does not fit a redelivery after {self.redelivery_after} s: it must lie between "
                f"0.1 s and 80 % of it, or redelivered work could not wait for its owner to be declared lost"
            )
        if self.retention < DAY:
            raise ValueError(f"a retention of {self.retention} s is less than a day: replays would run twice")

    @property
    def beat(self) -> float:
        """How often a process with work shows that it lives: two beats may be missed."""
        return self.lease / 3

    @property
    def silence(self) -> float:
        """From when on a process reckons to be taken for lost: a little before others do, whose clocks may be faster."""
        return self.lease - self.beat / 2

    @property
    def wait(self) -> float:
        """How long a redelivery waits in place for known work: more than a lease, less than the next redelivery."""
        return (self.lease + self.redelivery_after) / 2

    @property
    def outcome_ttl(self) -> int:
        """Longer than the claim's: an expired outcome behind a live claim would look like lost work."""
        return self.retention + DAY


def backoff(failures: int) -> float:
    """Pause before the next try after so many failures in a row: 0.25 s doubled up to 5 s."""
    return float(min(0.25 * 2**failures, 5.0))
