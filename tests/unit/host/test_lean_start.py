"""What an agent's start loads, and what it leaves for whoever needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
NOT_AT_START: Final = (
    # of other ways to be served, watched and kept
    "infrastructure.dapr.push",
    "infrastructure.guardrails",
    "infrastructure.prompts.git.fetched",
    "infrastructure.prompts.live",
    "dapr.clients",
    "opentelemetry.sdk",
    "prometheus_client",
    # of a file of models
    "infrastructure.host.catalogue",
    *(
        f"infrastructure.llm.{name}"
        for name in (
            "accounts",
            "allowance",
            "cache",
            "catalogue",
            "catalogue_file",
            "fallback",
            "hedging",
            "ledger",
            "metering",
            "rate_limit",
            "retry",
            "stack",
        )
    ),
    # of an author's tools
    "infrastructure.evaluation",
    "infrastructure.memory",
    "infrastructure.optimisation",
    "infrastructure.testing",
)
START: Final = """
import sys
from infrastructure.host.__main__ import build
from infrastructure.host.settings import Settings
from agents.service_desk import AGENT
build(AGENT, Settings(_env_file=None))
print(*sys.modules)
"""


def test_a_plain_start_loads_nothing_that_is_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "infrastructure.llm.clients.lean" in loaded
    assert {name for name in NOT_AT_START if name in loaded} == set()
