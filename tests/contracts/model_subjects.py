"""What the contract suite of models runs on: every client against every server, and the in-process twin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cli.local.ports import free_ports
from domain.errors import ModelMisconfigured, ModelUnavailable
from domain.ports.model import LanguageModel
from infrastructure.llm.clients.factory import model_from
from infrastructure.llm.clients.settings import ModelSettings
from infrastructure.memory.model import ScriptedModel
from tests.stand_ins import azure_openai, openai_server
from tests.stand_ins.openai_server import OpenAIServer

CLIENTS = ("lean", "openai", "semantic-kernel")
UNKNOWN = "no-such-model"


@dataclass
class Subject:
    """`misnamed` asks for a model called `UNKNOWN`, `gone` a server that is not there; `slow_down` makes the next call
    take longer than half a second.
    """

    model: LanguageModel
    misnamed: LanguageModel
    gone: LanguageModel
    slow_down: Callable[[], None]
    server: OpenAIServer | None = None

    async def close(self) -> None:
        for model in (self.model, self.misnamed, self.gone):
            await model.close()


def twin() -> Subject:
    model, misnamed, gone = ScriptedModel(), ScriptedModel(), ScriptedModel()
    misnamed.down = ModelMisconfigured(f"the twin has no model {UNKNOWN!r}")
    gone.down = ModelUnavailable("the twin is gone")

    def slow_down() -> None:
        model.delay = 1.0

    return Subject(model, misnamed, gone, slow_down)


def on_ollama(client: str, address: str, model: str) -> Subject:
    def settings(**changed: Any) -> ModelSettings:
        return ModelSettings(
            **{
                "llm_provider": "ollama",
                "agents_model_client": client,
                "ollama_host": address,
                "ollama_model": model,
            }
            | changed
        )

    return Subject(
        model_from(settings()),
        model_from(settings(ollama_model=UNKNOWN)),
        model_from(settings(ollama_host=f"127.0.0.1:{free_ports(1)[0]}")),
        slow_down=lambda: None,  # it is slow by itself
    )


@asynccontextmanager
async def on_openai(client: str) -> AsyncIterator[Subject]:
    async with openai_server.serving(OpenAIServer()) as server:

        def settings(**changed: Any) -> ModelSettings:
            return ModelSettings(
                **{
                    "llm_provider": "openai",
                    "agents_model_client": client,
                    "openai_base_url": server.url,
                    "openai_api_key": openai_server.KEY,
                    "openai_model": openai_server.MODEL,
                }
                | changed
            )

        subject = Subject(
            model_from(settings()),
            model_from(settings(openai_model=UNKNOWN)),
            model_from(settings(openai_base_url=f"http://127.0.0.1:{free_ports(1)[0]}/v1")),
            lambda: server.next.append(openai_server.slow(1.0)),
            server,
        )
        yield subject
        await subject.close()


@asynccontextmanager
async def on_azure(
    client: str, environment: pytest.MonkeyPatch, *, key: str | None
) -> AsyncIterator[Subject]:
    """Configured by the environment, as in the cluster; without a key by Entra identity, which azure-identity finds there."""
    server = azure_openai.AzureOpenAIServer()
    async with openai_server.serving(server):
        environment.setenv("LLM_PROVIDER", "azure-openai")
        environment.setenv("AGENTS_MODEL_CLIENT", client)
        environment.setenv("AZURE_OPENAI_ENDPOINT", server.endpoint)
        environment.setenv("AZURE_OPENAI_DEPLOYMENT", azure_openai.DEPLOYMENT)
        environment.setenv("AZURE_OPENAI_API_VERSION", azure_openai.API_VERSION)
        environment.setenv("AZURE_OPENAI_API_KEY", key or "")
        environment.setenv("IDENTITY_ENDPOINT", f"{server.endpoint}/msi/token")
        environment.setenv("IDENTITY_HEADER", "identity-secret")

        subject = Subject(
            model_from(ModelSettings()),
            model_from(ModelSettings(azure_openai_deployment=UNKNOWN)),
            model_from(ModelSettings(azure_openai_endpoint=f"http://127.0.0.1:{free_ports(1)[0]}")),
            lambda: server.next.append(openai_server.slow(1.0)),
            server,
        )
        yield subject
        await subject.close()
