from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.chat import ChatRequest, Message
from infrastructure.llm.clients.endpoint import Endpoint, endpoint_from
from infrastructure.llm.clients.request import body_for, schema_for
from infrastructure.llm.clients.settings import ModelSettings

OLLAMA = endpoint_from(ModelSettings(llm_provider="ollama", ollama_host="127.0.0.1", ollama_model="m"))
AZURE = endpoint_from(
    ModelSettings(
        llm_provider="azure-openai",
        azure_openai_endpoint="https://r.openai.azure.com",
        azure_openai_deployment="d",
        azure_openai_api_key="k",
    )
)
REQUEST = ChatRequest(messages=(Message("system", "Be brief."), Message("user", "Hi")), max_tokens=50)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "maxItems": {"type": "integer", "minimum": 0, "maximum": 9},
        "tags": {
            "type": "array",
            "maxItems": 3,
            "items": {"type": "string", "maxLength": 20},
            "description": "Short tags",
        },
        "step": {"$ref": "#/$defs/Step"},
        "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "default": None},
    },
    "required": ["tags"],
    "$defs": {"Step": {"type": "object", "properties": {"text": {"type": "string"}}}},
}


def test_the_body_holds_what_was_asked_and_nothing_else() -> None:
    assert body_for(REQUEST, OLLAMA, stream=False) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_tokens": 50,
    }


def test_sampling_is_sent_when_it_is_set_even_when_it_is_zero() -> None:
    body = body_for(replace(REQUEST, temperature=0.0, top_p=0.5, seed=0), OLLAMA, stream=False)
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.0, 0.5, 0)


def test_a_stream_is_asked_for_its_usage() -> None:
    body = body_for(REQUEST, OLLAMA, stream=True)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


def test_a_schemas_name_is_made_fit_for_the_wire() -> None:
    named = replace(REQUEST, output_schema={"type": "object"}, output_name="prüf plan/1." + "x" * 80)
    name = body_for(named, OLLAMA, stream=False)["response_format"]["json_schema"]["name"]
    assert name == "pr_f_plan_1_" + "x" * 52


def test_ollama_gets_the_schema_with_its_bounds() -> None:
    assert schema_for(OLLAMA, SCHEMA) is SCHEMA


def test_azure_gets_a_closed_schema_with_the_bounds_in_words() -> None:
    assert schema_for(AZURE, SCHEMA) == {
        "type": "object",
        "properties": {
            "maxItems": {"type": "integer", "description": "(minimum: 0, maximum: 9)"},
            "tags": {
                "type": "array",
                "items": {"type": "string", "description": "(maxLength: 20)"},
                "description": "Short tags (maxItems: 3)",
            },
            "step": {"$ref": "#/$defs/Step"},
            "note": {"anyOf": [{"type": "string", "description": "(maxLength: 5)"}, {"type": "null"}]},
        },
        "required": ["maxItems", "tags", "step", "note"],
        "additionalProperties": False,
        "$defs": {
            "Step": {
                "type": "object",
                "properties": {"text": {"type": "string"}},
                "required": ["text"],
                "additionalProperties": False,
            }
        },
    }


def test_the_prompts_own_schema_stays_as_it_was() -> None:
    before = repr(SCHEMA)
    schema_for(AZURE, SCHEMA)
    assert repr(SCHEMA) == before


def test_ollama_knows_a_model_by_its_full_name_too() -> None:
    assert OLLAMA.is_among(["other:latest", "m:latest"])
    assert not OLLAMA.is_among(["mm", "m:1b"])


def test_messages_name_the_server_without_credentials_or_path() -> None:
    endpoint: Endpoint = replace(OLLAMA, url="https://user:word@[::1]:8443/v1?x=1")
    assert endpoint.server == "Ollama at https://[::1]:8443"
