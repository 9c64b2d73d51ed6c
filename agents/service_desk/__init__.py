"""Takes support tickets, sorts them, suggests solutions, and calls people when it should."""

from agents.service_desk.agent import AGENT

__all__ = ["AGENT"]
