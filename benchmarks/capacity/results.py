"""What `benchmarks/results/capacity.json` holds. CPU in ms per event, memory in MB, sizes in bytes where nothing else is said."""

from __future__ import annotations

from pydantic import Field, ValidationError

from benchmarks.suite.results import ROOT, Control, Record

CAPACITY = ROOT / "benchmarks" / "results" / "capacity.json"


class Load(Record):
    """A closed loop: never more than so many events inside. Reads and writes are the store's, per event, as Redis counts them.

    `cores` is what app, sidecar, Redis and the benchmark's own outside used of the machine meanwhile.
    """

    events: int
    events_per_second: float
    app_cpu_ms: float
    sidecar_cpu_ms: float
    redis_cpu_ms: float
    cores: float
    app_mb: float
    sidecar_mb: float
    in_flight_most: int
    reads: float
    writes: float


class Loaded(Record):
    load: Load


class Payload(Loaded):
    kilobytes: int
    p50_ms: float


class Latency(Loaded):
    """At a model that takes so long; `ideal` is what so many in flight allow, None where the model answers at once."""

    model_ms: int
    offered: int
    ideal: float | None


class Replicas(Loaded):
    """`ratio`: against one replica in the same round, at the same model."""

    round: int
    replicas: int
    model_ms: int
    ratio: float


class Chain(Loaded):
    """The load counts chains, and so does the p50."""

    hops: int
    p50_ms: float


class Side(Loaded):
    """So many agents, each with a sidecar, on one machine: sums over all of them."""

    agents: int
    idle_app_mb: float
    idle_sidecar_mb: float
    idle_cores: float


class Turn(Record):
    """The same load on both, one right after the other."""

    narrow: Load
    wide: Load
    narrow_p50_ms: float
    wide_p50_ms: float


class Width(Record):
    """An agent with one task and one prompt, and one with many."""

    tasks: int
    prompts: int
    narrow_idle_cores: float
    wide_idle_cores: float
    turns: list[Turn]


class Size(Record):
    """An event that carries so much, and what became of it: `came out`, or the cause of its dead letter."""

    bytes: int
    passed_on: bool
    became: str
    message: str


class Publishing(Record):
    """The adapter alone, as fast as it goes, so many calls waiting at a time."""

    callers: int
    bytes: int
    events_per_second: float
    sidecar_cpu_ms: float


class Topics(Record):
    """An agent with so many topics, on the pub/sub component as shipped."""

    topics: int
    works: bool


class Limits(Record):
    sizes: list[Size]
    topics: Topics
    concurrency_offered: int
    concurrency_in_flight: int
    publishing: list[Publishing]


class Counted(Record):
    """Bytes of what one event of the benchmark brings, leaves and sends, exactly."""

    event_in: int
    event_out: int
    command: int
    documents: dict[str, int]


class Made(Record):
    """When and from which commit, on what machine, and what that was worth before and after."""

    when: str
    machine: dict[str, str]
    before: Control
    after: Control

    @property
    def drift(self) -> float:
        return self.before.drift(self.after)


class Results(Record):
    """Merged from run to run, by part."""

    made: dict[str, Made] = Field(default_factory=dict)
    payload: list[Payload] = Field(default_factory=list)
    latency: list[Latency] = Field(default_factory=list)
    replicas: list[Replicas] = Field(default_factory=list)
    chain: list[Chain] = Field(default_factory=list)
    side: list[Side] = Field(default_factory=list)
    width: Width | None = None
    limits: Limits | None = None
    counted: Counted | None = None

    def replaced(self, part: str, measured: object, made: Made) -> Results:
        return self.model_copy(update={part: measured, "made": {**self.made, part: made}})


def read() -> Results:
    """Nothing is there where the file is of another version of the benchmarks: its figures are not comparable."""
    try:
        return Results.model_validate_json(CAPACITY.read_text()) if CAPACITY.exists() else Results()
    except ValidationError:
        return Results()


def write(results: Results) -> None:
    CAPACITY.parent.mkdir(parents=True, exist_ok=True)
    CAPACITY.write_text(results.model_dump_json(indent=1) + "\n")
