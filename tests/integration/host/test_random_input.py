"""Random requests from each agent's own OpenAPI document: never a 500, never an answer that it does not announce."""

from __future__ import annotations

import pytest

from agents.devops import AGENT as DEVOPS
from agents.implementation import AGENT as IMPLEMENTATION
from agents.notification import AGENT as NOTIFICATION
from agents.runtime import Agent
from agents.test_planning import AGENT as TEST_PLANNING
from tests.support.agent_process import AgentProcess
from tests.support.fuzzing import fuzz
from tests.support.serving import serving

AGENTS = [DEVOPS, IMPLEMENTATION, NOTIFICATION, TEST_PLANNING]  # and the service desk below


@pytest.mark.integration
# Hypothesis takes a `random` of the server's thread for one of its own strategies.
@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_every_agent_in_memory_answers_as_documented(agent: Agent) -> None:
    with serving([agent]) as ports:
        fuzzed = fuzz(f"http://127.0.0.1:{ports[agent.name]}", examples=7)
    assert fuzzed.requests > 80
    for task in agent.tasks:
        assert fuzzed.statuses[f"POST /api/{agent.name}/{task}"][422] > 0
    assert sum(count[200] for count in fuzzed.statuses.values()) > 20


@pytest.mark.integration
def test_the_service_desk_on_real_daprd_and_redis_answers_as_documented(service_desk: AgentProcess) -> None:
    fuzzed = fuzz(f"http://127.0.0.1:{service_desk.port}", examples=72)
    assert fuzzed.requests >= 1000
    assert sum(count[200] for count in fuzzed.statuses.values()) > 300
