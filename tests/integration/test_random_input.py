"""Random requests from each agent's own OpenAPI document: never a 500, never an answer that it does not announce."""

from __future__ import annotations

import pytest

from agents.devops import AGENT as DEVOPS
from agents.implementation import AGENT as IMPLEMENTATION
from agents.notification import AGENT as NOTIFICATION
from agents.runtime import Agent
from agents.service_desk import AGENT as SERVICE_DESK
from agents.test_planning import AGENT as TEST_PLANNING
from tests.support.fuzzing import fuzz
from tests.support.serving import serving

AGENTS = [DEVOPS, IMPLEMENTATION, NOTIFICATION, SERVICE_DESK, TEST_PLANNING]


@pytest.mark.integration
# Hypothesis takes a `random` of the server's thread for one of its own strategies.
@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_every_agent_in_memory_answers_as_documented(agent: Agent) -> None:
    with serving([agent]) as ports:
        fuzzed = fuzz(f"http://127.0.0.1:{ports[agent.name]}", examples=8)
    print(fuzzed)
    assert fuzzed.requests > 60
    for task in agent.tasks:
        statuses = fuzzed.statuses[f"POST /api/{agent.name}/{task}"]
        assert {200, 422} <= set(statuses), (task, statuses)
