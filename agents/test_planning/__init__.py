"""Plans tests: specifications, strategies, coverage."""

from agents.test_planning.agent import AGENT

__all__ = ["AGENT"]
