"""What can go wrong, by what it means for the work: never works, try again, wait, or a bug.

Handlers and adapters raise these; the runtime decides by class alone what becomes of an execution
(`agents/runtime/policy.py` is the table). Everything else that is raised counts as a bug in the handler.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AgentError(Exception):
    """An error that says what was wrong, where, and what to do next.

    `code` is stable and machine-readable; `message` is for people; `details` holds JSON values.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Rejected(AgentError):
    """This input can never work: no attempt will be made again."""

    code = "rejected"


class InvalidInput(Rejected):
    """The input does not fit the task's model. `details["errors"]` names each field."""

    code = "invalid_input"


class IdReused(Rejected):
    """The same identity (idempotency key, event id) was used before with another input."""

    code = "id_reused"


class TooLarge(Rejected):
    """A document or message exceeds what the store or the broker takes. Sizes in bytes."""

    code = "too_large"


class Transient(AgentError):
    """It may work when tried again; every try counts as an attempt."""

    code = "transient"


class DeadlineExceeded(Transient):
    """A handler did not end within its task's deadline (seconds)."""

    code = "deadline_exceeded"


class Unavailable(AgentError):
    """Something we depend on is down or busy: the work waits and no attempt is counted.

    `retry_after` is in seconds, when the other side named it. `common` is what of the message may be told to whoever else
    has to wait: no word of this work, nor of what was answered to it.
    """

    code = "unavailable"

    def __init__(
        self, message: str, *, retry_after: float | None = None, common: str = "", **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
        self.common = common


class SidecarUnavailable(Unavailable):
    """The Dapr sidecar, its state store or its broker does not answer."""

    code = "sidecar_unavailable"


class ModelUnavailable(Unavailable):
    """The model's server is gone, overloaded (5xx), or refuses connections."""

    code = "model_unavailable"


class ModelRateLimited(Unavailable):
    """HTTP 429 of the model's server."""

    code = "model_rate_limited"


class ModelMisconfigured(Unavailable):
    """Wrong model name, deployment, key or API version: an operator must mend the settings; the work waits for it."""

    code = "model_misconfigured"


class ModelTimeout(Transient):
    """The model did not answer in time (seconds)."""

    code = "model_timeout"


class ModelFailsForInput(Transient):
    """The model fails for this input again and again, while it answers others. `details["cause"]` is its error's code."""

    code = "model_fails_for_input"


class ModelTruncated(Transient):
    """The model's answer hit the prompt's token limit before it was whole."""

    code = "model_truncated"


class ModelAnswerInvalid(Transient):
    """The model's answer does not fit the output schema, even after it was shown its error."""

    code = "model_answer_invalid"


class ModelRefused(Rejected):
    """The model, or its content filter, refuses this input."""

    code = "model_refused"


class GuardrailTripped(Rejected):
    """A guardrail stopped this input, or the model's answer to it. `details` says which, never what was written."""

    code = "guardrail_tripped"


class BudgetExceeded(Rejected):
    """What was set aside for this execution, its chain or its agent's day is used up. `details` says which, and how far."""

    code = "budget_exceeded"


class PromptInvalid(AgentError):
    """A prompt file that cannot be used: `details` holds file, line and the cure."""

    code = "prompt_invalid"


class ModelsInvalid(AgentError):
    """A file of models that cannot be used: `details` holds each problem's line and cure."""

    code = "models_invalid"


class DocumentUnreadable(AgentError):
    """A stored document is broken, foreign, or of a newer version: `details["key"]` names it. Never run over it."""

    code = "document_unreadable"


class UnknownDeadLetter(AgentError):
    """There is no dead letter of this id, or not any more."""

    code = "unknown_dead_letter"


class DeadLetterSettled(AgentError):
    """A dead letter cannot be replayed or dropped: it was settled otherwise before, or its original is not whole."""

    code = "dead_letter_settled"
