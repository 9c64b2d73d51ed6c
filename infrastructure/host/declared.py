"""Whether the prompts of an agent's folder are those it declares: checked before anything starts."""

from __future__ import annotations

from agents.runtime.agent import Agent
from domain.errors import PromptInvalid
from domain.ports.prompts import PromptRegistry
from domain.prompt import Prompt
from infrastructure.prompts.fit import fits


def unfit(agent: Agent, prompt: Prompt) -> list[str]:
    """Why the agent cannot ask this version, a sentence each; empty when it can."""
    declared = agent.prompts.get(prompt.name)
    if declared is None:
        return [f"{agent.name} asks no prompt {prompt.name}"]
    return fits(prompt, set(declared.takes.model_fields), declared.returns.model_json_schema())


def require_declared(agent: Agent, prompts: PromptRegistry) -> None:
    """Raise `PromptInvalid`, naming each declared prompt that is missing or does not fit its models."""
    problems: list[str] = []
    for declared in agent.prompts.values():
        try:
            prompt = prompts.get(declared.name)
        except PromptInvalid as error:
            problems.append(error.message)
        else:
            problems += unfit(agent, prompt)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise PromptInvalid(f"the agent {agent.name} and its prompts disagree:\n{listed}", problems=problems)
