"""Keeps every test away from services that cost money: the settings that lead to one are not there."""

from __future__ import annotations

import pytest

from infrastructure.llm.clients.settings import ModelSettings


@pytest.fixture(autouse=True)
def no_paid_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own keys and endpoints are unset; a test that means a server sets its address itself."""
    for name in ("AGENTS_MODELS", *(field.validation_alias for field in ModelSettings.model_fields.values())):
        monkeypatch.delenv(str(name), raising=False)
