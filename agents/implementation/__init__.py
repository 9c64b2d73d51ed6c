"""Works on code: writes it for specifications, reviews it, suggests refactorings."""

from agents.implementation.agent import AGENT

__all__ = ["AGENT"]
