from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from infrastructure.llm.clients.endpoint import endpoint_from
from infrastructure.llm.clients.factory import model_from
from infrastructure.llm.clients.lean import LeanModel
from infrastructure.llm.clients.settings import ModelSettings

VARIABLES = [str(field.validation_alias) for field in ModelSettings.model_fields.values()]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_without_settings_the_model_is_the_local_ollamas() -> None:
    endpoint = endpoint_from(ModelSettings())
    assert endpoint.url == "http://127.0.0.1:11434/v1"
    assert endpoint.model == "smollm2-135m-instruct"
    assert endpoint.limit_field == "max_tokens"
    assert endpoint.server == "Ollama at http://127.0.0.1:11434"


def test_the_variables_are_those_of_the_providers() -> None:
    assert sorted(VARIABLES) == [
        "AGENTS_MODEL_CLIENT",
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_API_VERSION",
        "AZURE_OPENAI_DEPLOYMENT",
        "AZURE_OPENAI_ENDPOINT",
        "LLM_PROVIDER",
        "OLLAMA_HOST",
        "OLLAMA_MODEL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_MODEL",
    ]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1:11500", "http://127.0.0.1:11500"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        (":8000", "http://127.0.0.1:8000"),
        ("[::]:8000", "http://[::1]:8000"),
        ("gpu-box", "http://gpu-box:11434"),
        ("http://gpu-box", "http://gpu-box:80"),
        ("https://gpu-box/ollama/", "https://gpu-box:443/ollama"),
        (" http://ollama:11434/ ", "http://ollama:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(
    monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert ModelSettings().ollama_host == address


@pytest.mark.parametrize("host", ["ftp://x", "host:port", "http://host:99999", "http://user@host"])
def test_an_ollama_host_that_is_no_address_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(ValidationError, match=r"OLLAMA_HOST\n.*must be host, host:port or http://host:port"):
        ModelSettings()


def test_azure_needs_its_endpoint_and_deployment_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "azure-openai")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "")  # empty, as in a manifest, is not set
    with pytest.raises(
        ValueError, match="LLM_PROVIDER=azure-openai needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_DEPLOYMENT"
    ):
        ModelSettings()


def test_azures_url_is_made_of_endpoint_deployment_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "azure-openai")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com/")
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT", "gpt-eu")
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", "2024-12-01-preview")
    endpoint = endpoint_from(ModelSettings())
    assert endpoint.url == "https://res.openai.azure.com/openai/deployments/gpt-eu"
    assert endpoint.query == {"api-version": "2024-12-01-preview"}
    assert endpoint.limit_field == "max_completion_tokens"


@pytest.mark.parametrize(
    "address", ["res.openai.azure.com", "https://res/openai/deployments/x", "https://res?api-version=1"]
)
def test_an_azure_endpoint_that_is_more_or_less_than_an_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="AZURE_OPENAI_ENDPOINT"):
        ModelSettings(AZURE_OPENAI_ENDPOINT=address)


def test_openai_needs_a_model_and_a_key() -> None:
    with pytest.raises(ValueError, match="LLM_PROVIDER=openai needs OPENAI_MODEL and OPENAI_API_KEY"):
        ModelSettings(llm_provider="openai")


def test_a_compatible_server_of_ones_own_needs_no_key() -> None:
    settings = ModelSettings(
        llm_provider="openai", openai_base_url="http://vllm:8000/v1/", openai_model="qwen"
    )
    endpoint = endpoint_from(settings)
    assert endpoint.url == "http://vllm:8000/v1"
    assert endpoint.limit_field == "max_tokens"
    assert endpoint.refused_keywords == frozenset()


def test_openais_own_servers_get_the_new_limit_and_strict_schemas() -> None:
    endpoint = endpoint_from(
        ModelSettings(llm_provider="openai", openai_api_key="sk-1", openai_model="gpt-5")
    )
    assert endpoint.url == "https://api.openai.com/v1"
    assert endpoint.limit_field == "max_completion_tokens"
    assert {"maxItems", "maxLength", "minimum"} <= endpoint.refused_keywords


def test_keys_are_never_shown() -> None:
    settings = ModelSettings(openai_api_key="sk-secret", azure_openai_api_key="az-secret")
    assert "secret" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_the_lean_client_is_the_default() -> None:
    assert isinstance(model_from(ModelSettings()), LeanModel)


def test_the_lean_client_loads_no_sdk() -> None:
    program = (
        "import sys; from infrastructure.llm.clients.factory import model_from\n"
        "from infrastructure.llm.clients.settings import ModelSettings; model_from(ModelSettings())\n"
        "print(sorted({'openai', 'semantic_kernel', 'azure', 'httpx'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize("client", ["openai", "semantic-kernel"])
def test_a_client_whose_package_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    monkeypatch.setattr("infrastructure.llm.clients.factory.find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, "infrastructure.llm.clients.openai_sdk", raising=False)
    with pytest.raises(ValueError, match=rf"AGENTS_MODEL_CLIENT={client} needs .*\.\[{client}\]"):
        model_from(ModelSettings(agents_model_client=client))
