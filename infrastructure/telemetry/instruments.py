"""Every metric by its OpenTelemetry name. `docs/observability.md` lists them too; a test keeps the three in step.

A name that is not here works all the same: a counter without a description, a histogram of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_SIDECAR_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# The boundaries that the GenAI semantic conventions ask for.
_MODEL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4.0**n for n in range(14))


@dataclass(frozen=True, slots=True)
class Instrument:
    """`bounds` are the upper bounds of a histogram's buckets, None for a counter; `unit` is UCUM."""

    description: str
    unit: str = ""
    bounds: tuple[float, ...] | None = None


INSTRUMENTS = {
    "agents.executions": Instrument("Executions that ended, by status."),
    "agents.execution.duration": Instrument("From the claim to the recorded outcome.", "s", _SECONDS),
    "agents.claims": Instrument("Executions claimed: work that was new."),
    "agents.duplicates": Instrument(
        "Deliveries and requests of work that was known already; it did not run again."
    ),
    "agents.handbacks": Instrument("Claims handed back, by reason."),
    "agents.dead_letters": Instrument("Executions that failed for good, by cause."),
    "agents.replays": Instrument("Dead letters replayed."),
    "agents.takeovers": Instrument("Executions taken over from a process that no longer moved."),
    "agents.answers.repaired": Instrument("Model answers that needed a second turn to fit their schema."),
    "agents.prompts.rolled_back": Instrument("Versions of prompts that lost their work, by criterion."),
    "agents.guardrails": Instrument("What guardrails found, by guardrail, action and direction."),
    "agents.budget.exceeded": Instrument(
        "Budgets passed: soft ones by a period, hard ones by a call refused."
    ),
    "agents.model.cache": Instrument("Questions to a model that may be answered from the cache, by result."),
    "agents.model.cache.uncompared": Instrument(
        "Questions that were compared with no similar one, since the embedding model failed."
    ),
    "agents.model.hedges": Instrument("Second calls, since the first one was late."),
    "agents.model.fallbacks": Instrument(
        "Answers of another model than the first, by the first one's failure."
    ),
    "agents.sidecar.call.duration": Instrument("Calls to the Dapr sidecar.", "s", _SIDECAR_SECONDS),
    "gen_ai.client.operation.duration": Instrument("GenAI operation duration.", "s", _MODEL_SECONDS),
    "gen_ai.client.token.usage": Instrument("Number of input and output tokens used.", "{token}", _TOKENS),
}

UNLISTED_COUNTER = Instrument("")
UNLISTED_HISTOGRAM = Instrument("", "s", _SECONDS)
