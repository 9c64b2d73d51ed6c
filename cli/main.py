"""The `agents` command: which subcommands there are, and the one place where errors become messages.

Imports next to nothing itself, so that Ctrl-C during the imports ends in a message as well.
"""

import os
import sys
from typing import NoReturn

# Name → where the command lives and its line in `agents --help`. Modules are imported on use alone,
# so that `agents --help` is quick and one broken command breaks no other.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("cli.commands.up:command", "Start everything and watch over it."),
    "down": ("cli.commands.down:command", "Stop everything; data stays."),
    "reset": ("cli.commands.reset:command", "Drop the local data."),
    "backup": ("cli.commands.backup:command", "Copy all data out of the running Redis."),
    "restore": ("cli.commands.restore:command", "Make a backup the data of the next start."),
    "status": ("cli.commands.status:command", "What runs, how it fares, what waits."),
    "logs": ("cli.commands.logs:command", "Show or follow logs."),
    "mail": ("cli.commands.mail:command", "Read the e-mails the agents sent."),
    "doctor": ("cli.commands.doctor:command", "Check this machine and this project."),
    "provision": ("cli.commands.provision:command", "Find or build the runtime, start nothing."),
    "tasks": ("cli.commands.tasks:command", "List the agents' tasks."),
    "run": ("cli.commands.run:command", "Run a task."),
    "events": ("cli.commands.events:command", "Watch events go by."),
    "executions": ("cli.commands.executions:command", "Look at an execution."),
    "dead-letters": ("cli.commands.dead_letters:command", "Work that failed for good: look, replay, drop."),
    "costs": ("cli.commands.costs:command", "What the models cost, by agent, task, model and day."),
    "audit": ("cli.commands.audit:command", "Who did what that needs a privilege."),
    "keys": ("cli.commands.keys:command", "Make API keys."),
    "chain": ("cli.commands.chain:command", "Show all that one execution set off."),
    "prompts": ("cli.commands.prompts:command", "Versions of prompts: compare, release, deprecate."),
    "publish": ("cli.commands.publish:command", "Publish an event."),
    "new": ("cli.commands.new:command", "Add an agent, a task or a prompt."),
}


def main() -> NoReturn:
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _run() -> int:
    import click  # noqa: PLC0415 - see above

    from cli.errors import CommandError  # noqa: PLC0415
    from cli.exit_codes import ExitCode  # noqa: PLC0415
    from cli.group import agents  # noqa: PLC0415

    try:
        result = agents.main(prog_name="agents", standalone_mode=False)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CommandError as error:
        if _debugging():
            raise
        return _explain(error.message, error.hint, error.code)
    except UnicodeEncodeError as error:
        if _debugging():
            raise
        return _explain(f"{error.object!a} is no valid text in this terminal's encoding", "", ExitCode.USAGE)
    except BrokenPipeError:
        # The reader (`agents logs | head`) has seen enough; Python would complain again while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:
        if _debugging():
            raise
        return _explain(
            f"{type(error).__name__}: {error}", "AGENTS_DEBUG=1 shows where it happened", ExitCode.FAILED
        )
    return result if isinstance(result, int) else ExitCode.OK


def _explain(message: str, hint: str, code: int) -> int:
    label = "\x1b[1;31merror:\x1b[0m" if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else "error:"
    print(f"{label} {message}", file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)
    return code


def _debugging() -> bool:
    return os.environ.get("AGENTS_DEBUG") == "1"


if __name__ == "__main__":
    main()
