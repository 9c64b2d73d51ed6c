"""What an agent's start loads, and what it leaves for whoever needs it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cli.local.ports import free_ports

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
            "allowance",
            "cache",
            "catalogue",
            "fallback",
            "hedging",
            "rate_limit",
            "retry",
            "spending.accounts",
            "spending.ledger",
            "spending.metering",
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
SERVED: Final = """
import gc, runpy, sys, uvloop

def collections():
    return sum(generation["collections"] for generation in gc.get_stats())

def served(serving):
    serving.close()
    print(gc.isenabled(), gc.get_freeze_count() > 20_000, collections() - before)

uvloop.run = served
sys.argv = ["host", "agents.service_desk:AGENT"]
before = collections()
runpy.run_module("infrastructure.host", run_name="__main__", alter_sys=True)
"""


def test_a_plain_start_loads_nothing_that_is_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "infrastructure.llm.clients.lean" in loaded
    assert {name for name in NOT_AT_START if name in loaded} == set()


def test_what_is_not_to_be_loaded_is_there() -> None:
    assert [name for name in NOT_AT_START if find_spec(name) is None] == []


def test_a_start_looks_for_no_garbage_and_what_it_loaded_is_not_gone_through_again() -> None:
    (port,) = free_ports(1)
    done = subprocess.run(
        [sys.executable, "-c", SERVED],
        cwd=ROOT,
        env={"APP_PORT": str(port)},
        capture_output=True,
        text=True,
        check=True,
    )
    enabled, frozen, collections = done.stdout.split()[-3:]
    assert (enabled, frozen, collections) == ("True", "True", "0")
