"""The composition root: the one place that knows every adapter."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace

from fastapi import FastAPI

from agents.runtime.agent import Agent
from agents.runtime.claims import Owner
from agents.runtime.context import Ports
from domain.errors import AgentError
from domain.ports.channel import NotificationChannel
from domain.ports.model import LanguageModel
from domain.ports.prompts import PromptRegistry
from domain.ports.pubsub import Subscription
from infrastructure.channels.smtp import SmtpChannel
from infrastructure.channels.webhook import WebhookChannel
from infrastructure.dapr.creating import unfit
from infrastructure.dapr.publisher import DaprPublisher
from infrastructure.dapr.sidecar import Sidecar
from infrastructure.dapr.state import DaprStateStore
from infrastructure.dapr.subscription import StreamingSubscription
from infrastructure.host.app import create_app
from infrastructure.host.checks import Believed, Proven, write_proof
from infrastructure.host.declared import declared_prompts
from infrastructure.host.guarding import Guard, guard_of
from infrastructure.host.identity import identity_of
from infrastructure.host.journal import Journal, NotedPublisher
from infrastructure.host.models import Models, Reach, models_of
from infrastructure.host.service import Check, Service, rollout_of
from infrastructure.host.settings import Settings
from infrastructure.telemetry.otel import OtelTelemetry, telemetry_from_environment
from infrastructure.telemetry.pubsub import TracedPublisher
from infrastructure.telemetry.state import TracedStore

CHECK_EVERY = 5.0
"""Seconds for which a check of the model is believed: probes must not load it."""


def build(agent: Agent, settings: Settings) -> FastAPI:
    """The agent's app. Prompts are checked here, before anything is started.

    Raises:
        PromptInvalid: a prompt file, or what the agent declares of it, is wrong.
        GuardrailsInvalid: the file of guardrails is.
        ModelsInvalid: the file of models is.
        KeysInvalid: the file of API keys is.

    """
    prompts = declared_prompts(agent, settings)
    models = models_of(agent, settings)
    telemetry = telemetry_from_environment(agent.name)
    guard = guard_of(agent, settings, telemetry)
    identity = identity_of(settings)
    push: list[Subscription] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        token = settings.dapr_api_token.get_secret_value() if settings.dapr_api_token else None
        sidecar = Sidecar(f"127.0.0.1:{settings.dapr_grpc_port}", token)
        service = _service(agent, settings, sidecar, prompts, telemetry, guard=guard, models_with=models)
        app.state.service = service
        if identity is not None:
            service.checks["identity"] = identity.check
        if service.rollout is not None:
            service.rollout.start()
        service.subscribe(push[0] if push else StreamingSubscription(sidecar, settings.pubsub))
        try:
            async with identity.followed() if identity is not None else nullcontext():
                yield
        finally:
            await service.stop(settings.grace)
            await service.close()

    app = create_app(agent, settings, lifespan, identity)
    app.state.metrics = telemetry.prometheus_text
    if settings.delivery == "push":
        # Imported only when chosen: it brings the whole client of the Dapr SDK, a twentieth of every start otherwise.
        from infrastructure.dapr.push import PushSubscription  # noqa: PLC0415

        push.append(PushSubscription(app, settings.pubsub, agent.subscribed_topics))
    return app


def _service(
    agent: Agent,
    settings: Settings,
    sidecar: Sidecar,
    prompts: PromptRegistry,
    telemetry: OtelTelemetry,
    *,
    guard: Guard,
    models_with: Callable[[Reach], Models],
) -> Service:
    """Everything that needs a running loop; connects to nothing yet."""
    journal = Journal()
    channel = _channel(settings)
    publisher = TracedPublisher(DaprPublisher(sidecar, settings.pubsub), telemetry)
    noted = NotedPublisher(publisher, journal)
    store = TracedStore(DaprStateStore(sidecar, settings.statestore), telemetry)
    shared = TracedStore(DaprStateStore(sidecar, settings.statestores[-1]), telemetry)
    models = models_with(Reach(store, shared, noted, telemetry))
    owner = Owner(_owner(agent), settings.version)

    @asynccontextmanager
    async def other_model(name: str) -> AsyncIterator[LanguageModel]:
        async with models.other(name) as model:
            yield guard(model)

    ports = Ports(
        store=store,
        publisher=noted,
        model=guard(models.model),
        prompts=prompts,
        telemetry=telemetry,
        effects={NotificationChannel: channel},
    )
    rollout = rollout_of(agent, ports, owner)
    service = Service(
        agent,
        replace(ports, rollout=rollout),
        settings.timing,
        owner,
        journal,
        receive_dead_letters=settings.receive_dead_letters,
        rollout=rollout,
        costs=models.costs,
        other_model=other_model,
    )
    service.checks |= {
        "sidecar": Believed(
            lambda: unfit(sidecar, agent.name, settings.pubsub, *settings.statestores), every=0.5
        ),
        "state": Proven(lambda: write_proof(service.ports.store, agent.name)),
        "model": Believed(_answers(models.model.check), every=CHECK_EVERY),
        "prompts": _checked_at_start,
    }
    service.closing += [
        models.close,
        channel.close,
        sidecar.close,
        lambda: asyncio.to_thread(telemetry.close),
    ]
    return service


def _channel(settings: Settings) -> SmtpChannel | WebhookChannel:
    """Exactly one: the webhook when its URL is set, else SMTP."""
    if settings.webhook_url is not None:
        return WebhookChannel(str(settings.webhook_url))
    return SmtpChannel(
        settings.smtp_host,
        settings.smtp_port,
        sender=settings.mail_from,
        recipients=settings.mail_to.split(","),
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        start_tls=settings.smtp_start_tls,
    )


def _answers(check: Callable[[], Awaitable[None]]) -> Check:
    """A check that raises, as one that tells."""

    async def told() -> str | None:
        try:
            await check()
        except AgentError as error:
            return error.message
        return None

    return told


async def _checked_at_start() -> None:
    """Named in `/readyz` because people look for it: `build` refused to start if the prompts did not fit, and they stay as loaded."""


def _owner(agent: Agent) -> str:
    return f"{agent.name}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"
