"""The prompts of an agent, and whether they are those it declares: checked before anything starts."""

from __future__ import annotations

from pathlib import Path

from agents.runtime.agent import Agent
from domain.errors import PromptInvalid
from domain.ports.prompts import PromptRegistry
from domain.prompt import Prompt
from infrastructure.host.settings import Settings
from infrastructure.prompts.fit import fits
from infrastructure.prompts.git.address import GitSource
from infrastructure.prompts.registry import load_prompts


def declared_prompts(agent: Agent, settings: Settings) -> PromptRegistry:
    """The agent's prompts from where the settings say, each checked that it declares.

    Raises:
        PromptInvalid: a prompt file, the lock, or what the agent declares of it, is wrong.

    """
    folder = folder_of_prompts(settings) / agent.name
    prompts = (
        _drafts(agent, folder) if settings.prompt_drafts else load_prompts(folder, declared=agent.prompts)
    )
    require_declared(agent, prompts)
    return prompts


def folder_of_prompts(settings: Settings) -> Path:
    """Where the prompts of all agents lie, fetched when they come by git. Raise `PromptInvalid` where they cannot be had."""
    place = settings.prompts
    if not isinstance(place, GitSource):
        return place
    # Imported only when chosen, as drafts are.
    from infrastructure.prompts.git.fetched import folder_of  # noqa: PLC0415

    return folder_of(place)


def _drafts(agent: Agent, folder: Path) -> PromptRegistry:
    from infrastructure.prompts.live import LiveDrafts  # noqa: PLC0415

    return LiveDrafts(folder, lambda prompt: misfits(agent, prompt))


def misfits(agent: Agent, prompt: Prompt) -> list[str]:
    """Why the agent could not use a prompt, a sentence each; one that it does not declare it does not ask."""
    declared = agent.prompts.get(prompt.name)
    if declared is None:
        return []
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
            problems += misfits(agent, prompt)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise PromptInvalid(f"the agent {agent.name} and its prompts disagree:\n{listed}", problems=problems)
