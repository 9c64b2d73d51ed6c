"""What an agent is: `Agent` declares it, a handler takes an input and a `Context` and returns an `Outcome`, `Runner` keeps the work."""

from agents.runtime.agent import Agent
from agents.runtime.context import Context
from agents.runtime.outcome import Outcome

__all__ = ["Agent", "Context", "Outcome"]
