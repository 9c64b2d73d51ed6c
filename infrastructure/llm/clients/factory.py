"""The client that asks a model's server."""

from __future__ import annotations

from importlib.util import find_spec

from domain.ports.model import LanguageModel
from infrastructure.llm.clients.endpoint import Endpoint, endpoint_from
from infrastructure.llm.clients.lean import LeanModel
from infrastructure.llm.clients.settings import Client, ModelSettings

_PACKAGES = {"openai": ("openai",), "semantic-kernel": ("semantic_kernel", "openai")}


def model_from(settings: ModelSettings) -> LanguageModel:
    """The client of the one model that the environment variables name; nothing is connected yet.

    Raises:
        ValueError: the chosen client's package is not installed.

    """
    return client_of(endpoint_from(settings), settings.agents_model_client)


def client_of(endpoint: Endpoint, client: Client = "lean") -> LanguageModel:
    """The chosen client of a server; raises as `model_from` does."""
    if client == "lean":
        return LeanModel(endpoint)
    if any(find_spec(package) is None for package in _PACKAGES[client]):
        raise ValueError(
            f"AGENTS_MODEL_CLIENT={client} needs a package that is not installed: `uv pip install -e '.[{client}]'`, "
            "or leave AGENTS_MODEL_CLIENT unset for the built-in client"
        )
    # Imported only when chosen: openai costs 1 s and 60 MiB, Semantic Kernel 2.7 s and 120 MiB.
    if client == "openai":
        from infrastructure.llm.clients.openai_sdk import OpenAIModel  # noqa: PLC0415

        return OpenAIModel(endpoint)
    from infrastructure.llm.clients.semantic_kernel import SemanticKernelModel  # noqa: PLC0415

    return SemanticKernelModel(endpoint)
