"""Declaring an agent: its tasks, the events it reacts to, the prompts it asks, the changes it makes to entities.

    AGENT = Agent("implementation")
    WRITE_CODE = AGENT.prompt("generate-code", takes=SpecGenerated, returns=GeneratedCode)

    @AGENT.on(SpecGenerated)
    async def generate_code(spec: SpecGenerated, ctx: Context) -> Outcome:
        code = await ctx.ask(WRITE_CODE, spec)
        return Outcome(output=code, events=[CodeGenerated(…)])

Data plus decorators: declaring does nothing else, and the decorated functions stay ordinary functions.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel

from agents.runtime.context import Context
from agents.runtime.outcome import Outcome
from domain.event import EventData
from domain.events.budgets import BUDGET_EXCEEDED
from domain.execution import Change
from domain.rollout import ROLLED_BACK

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)
Entity = TypeVar("Entity", bound=BaseModel)
DEADLINE = 300.0
COMMANDS, DEAD_LETTERS = ".execution.requested", ".dead-letter"
"""How the topics of an agent's commands to itself and of its dead letters end."""
CONCURRENCY = 64
Handler: TypeAlias = Callable[[In, Context], Awaitable[Outcome]]


@dataclass(frozen=True)
class DeclaredPrompt(Generic[In, Out]):
    """A prompt that the agent asks: the model its variables are taken from, and the model its answer must fit."""

    name: str
    takes: type[In]
    returns: type[Out]


@dataclass(frozen=True)
class Reaction:
    """An event type that starts a task. `to_input` turns the event's payload into the task's input."""

    event: type[EventData]
    to_input: Callable[[Any], BaseModel]


@dataclass
class Task:
    """One thing an agent does. `deadline` bounds one attempt, in seconds; `concurrency` the attempts of one replica at a time."""

    name: str
    description: str
    input: type[BaseModel]
    handler: Handler[Any]
    deadline: float
    concurrency: int
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(frozen=True)
class ChangeFunction(Generic[Entity]):
    """A pure function `(entity, arguments) → entity`, recorded by name in an outcome and applied once."""

    name: str
    entity: type[Entity]
    arguments: type[BaseModel]
    apply: Callable[[Entity, Any], Entity]

    def to(self, entity_id: str, arguments: BaseModel) -> Change:
        """The change of one entity, for `Outcome.changes`."""
        return Change(
            entity=f"{entity_kind(self.entity)}:{entity_id}",
            function=self.name,
            arguments=arguments.model_dump(mode="json"),
        )


class Agent:
    """`name` is the app-id and the part of the URL; `domain` the part of its event types."""

    def __init__(self, name: str, *, description: str) -> None:
        self.name = name
        self.domain = name.replace("-", "")
        self.description = description
        self.tasks: dict[str, Task] = {}
        self.prompts: dict[str, DeclaredPrompt[Any, Any]] = {}
        self.changes: dict[str, ChangeFunction[Any]] = {}
        self.emits: list[type[EventData]] = []

    @property
    def commands_topic(self) -> str:
        """Where the agent sends requests to itself, so that a crash leads back to them."""
        return f"agents.{self.domain}{COMMANDS}"

    @property
    def rolled_back_topic(self) -> str:
        """Where it tells of versions of its prompts that were taken back."""
        return f"agents.{self.domain}{ROLLED_BACK}"

    @property
    def dead_letter_topic(self) -> str:
        return f"agents.{self.domain}{DEAD_LETTERS}"

    @property
    def budget_topic(self) -> str:
        """Where it says that a soft budget of its models is passed."""
        return f"agents.{self.domain}{BUDGET_EXCEEDED}"

    def task(
        self, *, deadline: float = DEADLINE, concurrency: int = CONCURRENCY
    ) -> Callable[[Handler[In]], Handler[In]]:
        """Declare a task: the function's name is the task's, its first parameter's type the input, its docstring the description."""

        def declare(handler: Handler[In]) -> Handler[In]:
            self._declare(handler, deadline, concurrency)
            return handler

        return declare

    def on(
        self, event: type[EventData], to_input: Callable[[Any], BaseModel] | None = None
    ) -> Callable[[Handler[In]], Handler[In]]:
        """Start the task for each such event; above `task`, or alone (then it declares the task as well).

        Without `to_input` the task's input is the event's payload itself.
        """

        def declare(handler: Handler[In]) -> Handler[In]:
            name = _task_name(handler)
            task = self.tasks.get(name) or self._declare(handler, DEADLINE, CONCURRENCY)
            if to_input is None and task.input is not event:
                raise TypeError(
                    f"{self.name}/{name} takes {task.input.__name__}, not {event.__name__}: give `to_input` in @AGENT.on"
                )
            task.reactions.append(Reaction(event, to_input or (lambda payload: payload)))
            return handler

        return declare

    def prompt(self, name: str, *, takes: type[In], returns: type[Out]) -> DeclaredPrompt[In, Out]:
        """Declare a prompt of this agent's folder; start-up checks that it exists and fits the two models."""
        declared = DeclaredPrompt(name, takes, returns)
        self.prompts[name] = declared
        return declared

    def change(self, function: Callable[[Entity, Any], Entity]) -> ChangeFunction[Entity]:
        """Declare a change of an entity: a pure function of the entity and one model of arguments.

        An entity that does not exist yet is made by its model's defaults.
        """
        entity, arguments = _parameter_types(function)[:2]
        change = ChangeFunction[Entity](function.__name__, entity, arguments, function)
        self.changes[change.name] = change
        return change

    def publishes(self, *events: type[EventData]) -> None:
        """Declare the event types that the tasks' outcomes may hold."""
        self.emits.extend(events)

    @property
    def entities(self) -> dict[str, type[BaseModel]]:
        """The kinds of entities that this agent changes, by their name in keys and URLs."""
        return {entity_kind(change.entity): change.entity for change in self.changes.values()}

    def reactions_to(self, event_type: str) -> list[tuple[Task, Reaction]]:
        return [
            (task, reaction)
            for task in self.tasks.values()
            for reaction in task.reactions
            if reaction.event.event_type == event_type
        ]

    @property
    def subscribed_topics(self) -> list[str]:
        """Every topic this agent receives: the events its tasks react to, and its own commands."""
        reacted = {reaction.event.event_type for task in self.tasks.values() for reaction in task.reactions}
        return [*sorted(reacted), self.commands_topic]

    def _declare(self, handler: Handler[Any], deadline: float, concurrency: int) -> Task:
        name = _task_name(handler)
        if name in self.tasks:
            raise TypeError(f"{self.name} declares the task {name} twice")
        takes = _parameter_types(handler)[0]
        task = Task(name, inspect.getdoc(handler) or "", takes, handler, deadline, concurrency)
        self.tasks[name] = task
        return task


def entity_kind(entity: type[BaseModel]) -> str:
    """The entity's name in keys and URLs: `SupportTicket` → `supportticket`."""
    return entity.__name__.lower()


def _task_name(handler: Callable[..., Any]) -> str:
    return handler.__name__.replace("_", "-")


def _parameter_types(function: Callable[..., Any]) -> list[type[Any]]:
    hints = typing.get_type_hints(function)
    return [hints[name] for name in inspect.signature(function).parameters]
