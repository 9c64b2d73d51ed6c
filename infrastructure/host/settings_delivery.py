"""The share of the settings that says how work comes, is kept and goes out: the sidecar, its components, times and sizes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from agents.runtime.timing import DAY, Timing
from infrastructure.host.settings_access import Token


class DeliverySettings(BaseModel):
    dapr_api_token: Token | None = Field(
        None,
        validation_alias="DAPR_API_TOKEN",
        description="What the app shows the sidecar, where it asks for one.",
    )
    dapr_grpc_port: int = Field(
        50001,
        ge=1,
        le=65535,
        validation_alias="DAPR_GRPC_PORT",
        description="The sidecar's gRPC port; `dapr run` sets it.",
    )
    pubsub: str = Field(
        "agents-pubsub", validation_alias="AGENTS_PUBSUB", description="The pub/sub component."
    )
    statestore: str = Field(
        "agents-statestore", validation_alias="AGENTS_STATESTORE", description="The state component."
    )
    shared_statestore: str | None = Field(
        None,
        validation_alias="AGENTS_SHARED_STATESTORE",
        description="A state component with keyPrefix none, in which all agents share limits and chains' budgets.",
    )
    delivery: Literal["stream", "push"] = Field(
        "stream",
        validation_alias="AGENTS_DELIVERY",
        description="How events come; push may lose some when an app is killed.",
    )
    lease: float = Field(
        2.0,
        validation_alias="AGENTS_LEASE",
        description="Seconds after which a silent owner has lost its work.",
    )
    redelivery_after: float = Field(
        3.0,
        validation_alias="AGENTS_REDELIVERY_AFTER",
        description="Seconds after which the broker offers a message again: as in the pub/sub component.",
    )
    max_waiting: int = Field(
        48,
        ge=1,
        validation_alias="AGENTS_MAX_WAITING",
        description="Deliveries that may wait for known work: fewer than the sidecar's workers, unless topics share none.",
    )
    retention_days: int = Field(
        7,
        ge=1,
        le=3650,
        validation_alias="AGENTS_RETENTION_DAYS",
        description="How long outcomes are kept and repeats recognised.",
    )
    grace: float = Field(
        4.0,
        ge=0,
        le=3600,
        validation_alias="AGENTS_GRACE",
        description="Seconds that work may take to end at shutdown.",
    )
    max_event_bytes: int = Field(
        1_000_000,
        ge=1_000,
        validation_alias="AGENTS_MAX_EVENT_BYTES",
        description="Largest event that the broker takes.",
    )
    max_document_bytes: int = Field(
        1_900_000,
        ge=10_000,
        validation_alias="AGENTS_MAX_DOCUMENT_BYTES",
        description="Largest document that the state store takes, before the sidecar encodes it.",
    )
    receive_dead_letters: bool = Field(
        default=False,
        validation_alias="AGENTS_RECEIVE_DEAD_LETTERS",
        description="Whether tasks that react to dead letters get them: notification tells its recipients.",
    )

    @property
    def statestores(self) -> tuple[str, ...]:
        """The agent's own, and last the one that it shares with others, which may be the same."""
        return tuple(dict.fromkeys((self.statestore, self.shared_statestore or self.statestore)))

    @property
    def timing(self) -> Timing:
        return Timing(
            lease=self.lease,
            redelivery_after=self.redelivery_after,
            retention=self.retention_days * DAY,
            max_waiting=self.max_waiting,
            max_document_bytes=self.max_document_bytes,
            max_event_bytes=self.max_event_bytes,
        )

    @model_validator(mode="after")
    def _times_fit_together(self) -> Self:
        try:
            _ = self.timing
        except ValueError as error:
            raise ValueError(f"AGENTS_LEASE, AGENTS_REDELIVERY_AFTER: {error}") from None
        return self
