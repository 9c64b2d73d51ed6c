"""Which model a command asks: as the environment or the file of models says, and of the copy of the platform that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.asked_models import asked_model
from cli.commands import status
from cli.local.instance import Instance

FILE = """
models:
  there: {provider: ollama, address: "http://127.0.0.1:9", model: llama3, prices: free}
tasks:
  default: there
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OLLAMA_HOST", "OLLAMA_MODEL", "LLM_PROVIDER", "AGENTS_MODELS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "models.yaml").write_text(FILE)
    return tmp_path


def instance(root: Path, offset: int = 0, **environment: str) -> Instance:
    return Instance(root, root / ".run", offset, environment)


def test_a_second_copy_asks_its_own_ollama(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_model(instance(root), None).ollama == "http://127.0.0.1:11434"
    assert asked_model(instance(root, 1000), None).ollama == "http://127.0.0.1:12434"
    monkeypatch.setenv("OLLAMA_HOST", "elsewhere:1")
    assert asked_model(instance(root, 1000), None).ollama == "http://elsewhere:1"


def test_status_names_the_model_that_the_file_of_models_asks(root: Path) -> None:
    told = status.outside_model(instance(root, AGENTS_MODELS="models.yaml"))
    assert (told["provider"], told["address"], told["model"]) == ("ollama", "http://127.0.0.1:9", "llama3")
    assert "error" in told  # nothing listens there


def test_status_tells_what_is_wrong_with_the_file_of_models(root: Path) -> None:
    told = status.outside_model(instance(root, AGENTS_MODELS="nosuch.yaml"))
    assert "nosuch.yaml" in told["error"]
