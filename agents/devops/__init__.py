"""Keeps the board: issues, projects, workflow runs; and reads the figures of sprints."""

from agents.devops.agent import AGENT

__all__ = ["AGENT"]
