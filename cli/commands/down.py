"""`agents down`: ends what `agents up` started, and nothing else."""

import os
import signal
import time
from contextlib import suppress

import click

from cli.errors import CommandError
from cli.local import control
from cli.local.instance import Instance, find_instance
from cli.output import print_json

EPILOG = "Example: agents down"
PATIENCE = 25.0


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(*, as_json: bool) -> None:
    """Stop the agents, their sidecars and the servers, in this order. Data stays; `agents reset` drops it.

    Nothing running is no error.
    """
    instance = find_instance()
    started = time.monotonic()
    pid = control.running_pid(instance)
    if pid:
        stop(instance, pid)
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        print_json({"stopped": bool(pid), "pid": pid, "seconds": seconds})
    else:
        click.echo(f"stopped in {seconds} s; the data stays" if pid else "nothing runs here")


def stop(instance: Instance, pid: int) -> None:
    """Ask the supervisor, then make it: its guardian ends what it leaves behind."""
    try:
        control.ask(instance, "stop")
    except CommandError:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for deadline, number in ((PATIENCE, signal.SIGKILL), (10.0, signal.SIGKILL)):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if control.running_pid(instance) is None and not control.alive(pid):
                return
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    raise CommandError(f"the supervisor (pid {pid}) does not end", hint=f"kill -9 {pid}")
