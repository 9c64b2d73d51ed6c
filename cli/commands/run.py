"""`agents run`: have an agent do a task, with options made from the task's own schema."""

from typing import Any

import click

from cli.client import AgentClient, agent_clients
from cli.commands.task import task_command
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.nearest import nearest
from cli.progress import waiting

EPILOG = """\b
Example: agents run test-planning generate-spec --help
         agents run test-planning generate-spec --input @feature.json

AGENTS_URL_<AGENT> says where an agent is that listens elsewhere, as behind kubectl port-forward."""


class _Named(click.Group):
    """A group whose members are called by another word than command."""

    word = "agent"

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        found = self.get_command(ctx, args[0])
        if found is None:
            raise CommandError(
                f"there is no {self.word} {args[0]!r}{self.where}",
                hint=nearest(args[0], self.list_commands(ctx)),
                code=ExitCode.NOT_FOUND,
            )
        return args[0], found, args[1:]

    @property
    def where(self) -> str:
        return ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(f"{self.word.capitalize()}s"):
            formatter.write_dl([(name, self.about(ctx, name)) for name in self.list_commands(ctx)])

    def about(self, ctx: click.Context, name: str) -> str:
        found = self.get_command(ctx, name)
        return found.get_short_help_str(90) if found else ""


class _Tasks(_Named):
    """The tasks of one agent, asked of it when they are needed."""

    word = "task"

    def __init__(self, client: AgentClient) -> None:
        super().__init__(
            client.name,
            help=f"Run a task of the agent {client.name}.",
            epilog=f"Example: agents tasks {client.name}",
            subcommand_metavar="TASK [OPTIONS]",
        )
        self._client = client
        self._tasks: dict[str, Any] | None = None

    @property
    def where(self) -> str:
        return f" of {self._client.name}"

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self._known())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        task = self._known().get(cmd_name)
        return task_command(self._client, task) if task else None

    def _known(self) -> dict[str, Any]:
        if self._tasks is None:
            with waiting(f"asking {self._client.name} for its tasks"):
                self._tasks = {task["name"]: task for task in self._client.tasks()}
        return self._tasks


class _Agents(_Named):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(agent_clients())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        client = agent_clients().get(cmd_name)
        return _Tasks(client) if client else None

    def about(self, ctx: click.Context, name: str) -> str:
        del ctx
        return f"agents run {name} --help lists its tasks"


@click.command(cls=_Agents, epilog=EPILOG, subcommand_metavar="AGENT TASK [OPTIONS]")
def command() -> None:
    """Run a task of an agent and wait for its result.

    Every task has options of its own, made from its schema: `agents run AGENT TASK --help` shows them with an example.

    Exit code 0 when it was done (or taken, with --async), 1 when the task failed, 2 when the input does not fit, 3 when
    the agent does not answer, 4 when something that it needs is down, 9 when there is no such agent or task.
    """
