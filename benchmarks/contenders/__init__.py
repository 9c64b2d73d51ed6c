"""Who is measured: each does the same work, written as its own documentation recommends, in its own locked environment.

The work: a CloudEvent in, one chat completion, the answer in the state store, an event out under an id made from that of
the one that came in. Messages and response_format are the same bytes for all (`common/work.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent
_APP = ("app.py",)
_COMMON = {"PYTHONPATH": str(_HERE / "common")}
_TUNED = {**_COMMON, "OPENAI_AIOHTTP": "1"}


@dataclass(frozen=True)
class Contender:
    """One program beside one sidecar.

    `command` comes after the interpreter and runs in `folder`, which holds `requirements.lock` unless the contender
    is ours. `weight` is its share of the events of a saturation run: who is slow gets fewer.
    """

    name: str
    title: str
    command: tuple[str, ...]
    folder: Path
    listens: bool  # serves HTTP at APP_PORT: the sidecar gets --app-port
    workflow: bool = False  # its sidecar needs placement and scheduler
    temporal: bool = False  # needs the Temporal server, at TEMPORAL_ADDRESS
    environment: Mapping[str, str] = field(default_factory=dict)
    model_calls: int = 1  # per event
    weight: float = 1.0
    settings: str = ""  # what was set, why, and which tuning helps it fairly: for the docs
    variant_of: str = ""  # the same program with another setting: killed it does as that one does
    interpreter: Path | None = None  # where it is not to be the one that `environments.py` has for it


_ALL = (
    Contender(
        "ours",
        "my-agents",
        ("-m", "infrastructure.host", "agents.implementation:AGENT"),
        _HERE.parents[1],
        listens=False,
        settings="As shipped: durability, validation, versioned prompts and metrics on.",
    ),
    Contender(
        "bare",
        "FastAPI, Dapr SDK, openai",
        _APP,
        _HERE / "bare",
        listens=True,
        environment=_COMMON,
        settings=(
            "One uvicorn process with uvloop and httptools, access log off, idle connections of the sidecar kept. "
            "The openai client is made as its README begins: `AsyncOpenAI()`. Nothing is checked but that the "
            "answer is JSON; an event that comes twice is worked on twice, and its result is published twice "
            "under the same `cloudevent.id`."
        ),
    ),
    Contender(
        "bare-aiohttp",
        "the same, tuned: openai on aiohttp",
        _APP,
        _HERE / "bare",
        listens=True,
        environment=_TUNED,
        settings="With `DefaultAioHttpClient`, which openai's README advises for concurrency.",
        variant_of="bare",
    ),
    Contender(
        "langgraph",
        "LangGraph in it",
        _APP,
        _HERE / "langgraph",
        listens=True,
        environment=_COMMON,
        settings=(
            "As the bare one, `cloudevent.id` too; a graph of one node, compiled without a checkpointer, which "
            "buys nothing where nobody comes back to a thread."
        ),
    ),
    Contender(
        "langgraph-aiohttp",
        "LangGraph, tuned: openai on aiohttp",
        _APP,
        _HERE / "langgraph",
        listens=True,
        environment=_TUNED,
        settings="The same with `DefaultAioHttpClient`.",
        variant_of="langgraph",
    ),
    Contender(
        "dapr-workflow",
        "Dapr Workflow",
        _APP,
        _HERE / "dapr_workflow",
        listens=True,
        workflow=True,
        environment=_COMMON,
        weight=0.3,
        settings=(
            "The newest SDK, 1.19; the others keep to 1.18, the last with a package of its own for FastAPI. "
            "Three activities, the workflow's id is the event's, and of it `cloudevent.id` is made. The event is "
            "acknowledged once the workflow is scheduled. As many threads as the SDK takes by itself: cores + 4."
        ),
    ),
    Contender(
        "dapr-workflow-64",
        "Dapr Workflow, 64 threads",
        _APP,
        _HERE / "dapr_workflow",
        listens=True,
        workflow=True,
        environment={**_COMMON, "WORKFLOW_THREADS": "64"},
        weight=0.3,
        settings="The same with 64 threads for activities, so that 64 model calls can wait at a time.",
        variant_of="dapr-workflow",
    ),
    Contender(
        "dapr-agents",
        "dapr-agents DurableAgent",
        _APP,
        _HERE / "dapr_agents",
        listens=False,
        workflow=True,
        environment=_COMMON,
        model_calls=2,
        weight=0.05,
        settings=(
            "As the framework comes, with its summary of each conversation, a second model call. Discovery of "
            "MCP servers is off, and so is telemetry. A subscription of its own with a mapper, because the "
            "agent's takes other events; a hook publishes, because nothing else does, with a `cloudevent.id` made "
            "from the specification's id, as it does not see the event's."
        ),
    ),
    Contender(
        "dapr-agents-no-memory",
        "dapr-agents DurableAgent, memory off",
        _APP,
        _HERE / "dapr_agents",
        listens=False,
        workflow=True,
        environment={**_COMMON, "AGENT_MEMORY": "off"},
        weight=0.08,
        settings="The same without memory, which saves the second model call.",
        variant_of="dapr-agents",
    ),
    Contender(
        "temporal",
        "Temporal",
        _APP,
        _HERE / "temporal",
        listens=True,
        temporal=True,
        environment=_COMMON,
        weight=0.3,
        settings=(
            "Tuned by Temporal's pages on performance: eager start, the two short activities local, sandbox "
            "off, async activities; worker limits as they come. A heartbeat, so that a killed worker is "
            "noticed after 5 s. The workflow's id is the event's, and of it `cloudevent.id` is made. The server "
            "has its own development settings: SQLite in memory."
        ),
    ),
)
CONTENDERS = {contender.name: contender for contender in _ALL}
