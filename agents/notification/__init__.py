"""Tells people: drafts notifications and sends them."""

from agents.notification.agent import AGENT

__all__ = ["AGENT"]
