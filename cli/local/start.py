"""`agents up` itself: provide what is missing, then supervise in this process or in one of its own."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import components, control, model
from cli.local.checks import require_no_fault
from cli.local.elsewhere import require_variables
from cli.local.instance import Instance
from cli.local.interruptible import run
from cli.local.loglines import LogFile
from cli.local.platform import Platform, find_running, is_local, plan, port_of, wanted
from cli.local.provision.run import Programs, provision
from cli.local.screen import Screen
from cli.local.service import Adopted, Role, Service
from cli.local.services import services
from cli.local.strangers import require_no_strangers
from cli.local.supervised import State, Supervised
from cli.local.supervisor import Supervisor
from cli.local.trimming import keep_trimmed
from cli.local.unending import go_on
from cli.local.watch import keep_current, watched

DETACHED_PATIENCE = 120.0
SELF = "agents"


def up_here(instance: Instance, console: Console, *, quiet: bool, watch: bool = False) -> int | None:
    """Run everything in the foreground; the pid of the supervisor when one runs already."""
    try:
        with control.exclusive(instance) as lock:
            platform, programs, adopted = run(_prepare(instance, console))
            started = services(platform, programs, adopted)
            asyncio.run(_supervise(platform, started, adopted, console, quiet=quiet, watch=watch, lock=lock))
    except control.AlreadyRunning as other:
        return other.pid
    return None


def up_detached(
    instance: Instance, console: Console, *, patience: float = DETACHED_PATIENCE, watch: bool = False
) -> int | None:
    """Start a supervisor in the background and wait until all is ready."""
    if (other := control.settled_pid(instance)) is not None:
        return other
    run(_prepare(instance, console))  # here, where its progress can be seen
    instance.logs.mkdir(parents=True, exist_ok=True)
    log = instance.logs / "detached.log"
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--quiet", *(["--watch"] if watch else [])],
            cwd=instance.root,
            env={**instance.environment, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        status = _wait_until_ready(instance, supervisor, patience)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise
    if status is None:
        said = "\n" + log.read_text(errors="replace").strip()[-4_000:]
        code = next((one for one in ExitCode if one and one == supervisor.returncode), ExitCode.FAILED)
        raise CommandError(said.rpartition("\nerror: ")[2].strip(), hint=f"it ended; log: {log}", code=code)
    show_addresses(console, instance, status)
    if not status["ready"]:
        waiting = [one for one in status["services"] if one["state"] != State.READY]
        told = "\n  ".join(
            f"{one['name']}: {one['state']}, {one['last_exit'] or 'no answer'}; {one['log']}"
            for one in waiting
        )
        for words in dict.fromkeys(one["last_words"] for one in waiting if one["last_words"]):
            told += f"\n  {words}"
        raise CommandError(
            f"not ready after {patience:.0f} s; it goes on trying:\n  {told}",
            hint=f"{instance.command('status')}, {instance.command('logs')}",
            code=ExitCode.NOT_READY,
        )
    return None


def show_addresses(console: Console, instance: Instance, status: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("agent", "address", "sidecar"):
        table.add_column(column, no_wrap=True)
    addresses = {one["name"]: one["address"] for one in status["services"]}
    for one in status["services"]:
        if one["role"] == Role.APP:
            name, address = one["name"], one["address"]
            table.add_row(name, address, addresses.get(f"{name}.daprd", ""))
    console.print(table)
    rest = [
        f"{one['name']} {one['address']}" for one in status["services"] if one["role"] == Role.INFRASTRUCTURE
    ]
    rest += [f"{part['name']} {part['address']} (was running)" for part in status["adopted"]]
    console.print(f"[dim]{' · '.join(rest)}[/]")
    console.print(f"Try next: [bold]{instance.command('tasks')}[/], stop with {instance.command('down')}")


async def _prepare(instance: Instance, console: Console) -> tuple[Platform, Programs, list[Adopted]]:
    platform = plan(instance)
    require_variables(instance)
    require_no_fault(instance)
    require_no_strangers(instance)
    adopted = await find_running(platform)
    for part in adopted:
        console.print(f"{part.name}: one answers at {part.address}, it is used", markup=False)
    programs = await provision(wanted(platform, adopted), instance.environment, console)
    _add_model_where_it_runs_already(platform, programs, adopted, console)
    return platform, programs, adopted


def _add_model_where_it_runs_already(
    platform: Platform, programs: Programs, adopted: list[Adopted], console: Console
) -> None:
    """An Ollama that is not ours gets the small model too, but only one on this machine."""
    for part in adopted:
        if part.name == "ollama" and is_local(part.address) and platform.ollama and programs.model:
            if model.NAME not in model.models(platform.ollama):
                console.print(f"ollama: adding the model {model.NAME}", markup=False)
            model.ensure_model(platform.ollama, programs.model)


async def _supervise(
    platform: Platform,
    started: list[Service],
    adopted: list[Adopted],
    console: Console,
    *,
    quiet: bool,
    watch: bool,
    lock: int,
) -> None:
    instance = platform.instance
    components.note(instance.run, instance.environment)
    screen = Screen(
        [SELF, *(service.name for service in started)],
        colour=console.is_terminal and not console.no_color,
    )
    log = LogFile(instance.logs / f"{SELF}.log")

    def say(text: str, level: str = "info") -> None:
        log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {level} {text}\n".encode())
        screen.show(SELF, text)

    def on_line(service: Service, line: str) -> None:
        if service.role is not Role.APP and supervisor.stopping:
            return  # what a server says about its own end is no warning
        if not quiet:
            # Sidecars and servers tell much that nobody asked: their warnings here, all of it in their logs.
            screen.show(service.name, line, at_least="info" if service.role is Role.APP else "warning")

    def on_change(one: Supervised, why: str) -> None:
        if why:
            say(f"{one.service.name}: {why}", "warning")
        elif one.state is State.READY:
            took = "again" if one.start_took is None else f"after {one.start_took:.1f} s"
            say(f"{one.service.name}: ready {took}")

    def on_ready(seconds: float) -> None:
        say(f"all ready after {seconds:.1f} s; logs in {instance.logs}")
        with console.capture() as table:
            show_addresses(console, instance, supervisor.status())
        screen.print(table.get().rstrip())

    supervisor = Supervisor(
        instance,
        started,
        adopted,
        on_line=on_line,
        on_change=on_change,
        on_ready=on_ready,
        lock=lock,
        freeze_detection=platform.settings.freeze_detection == "on",
        gives_up=not watch,
    )
    say(f"starting {len(started)} processes (pid {os.getpid()}), Ctrl-C ends them")

    def warn(text: str) -> None:
        say(text, "warning")

    trimming = go_on("trimming the streams", lambda: _trim(platform, supervisor, warn), warn)
    beside = [asyncio.create_task(trimming)]
    if watch:
        agents = watched(supervisor.running.values())
        beside.append(asyncio.create_task(keep_current(instance.root, agents, say)))
    try:
        await supervisor.run()
        say("stopped; the data stays")
        supervisor.require_no_refusal()
    finally:
        for task in beside:
            task.cancel()
        screen.close()
        log.close()


async def _trim(platform: Platform, supervisor: Supervisor, say: Callable[[str], None]) -> None:
    if platform.redis is None:
        return
    agents = {app.app_id for app in platform.apps}
    # Beside the data, and dropped with it: a Redis that is full at the start could not become ready without trimming.
    known = platform.instance.run / "redis" / "subscribed"

    def wanted() -> bool:
        if known.is_file() and agents <= set(known.read_text().split()):
            return True
        if supervisor.all_were_ready and known.parent.is_dir():
            known.write_text("\n".join(sorted(agents)))
        return supervisor.all_were_ready

    await keep_trimmed(port_of(platform.redis), sorted(agents), wanted, say)


def _wait_until_ready(
    instance: Instance, supervisor: "subprocess.Popen[bytes]", patience: float
) -> dict[str, Any] | None:
    deadline = time.monotonic() + patience
    status: dict[str, Any] | None = None
    while supervisor.poll() is None:
        try:
            status = control.ask(instance, "status")
        except CommandError:
            status = None
        if status and (status["ready"] or time.monotonic() > deadline):
            return status
        time.sleep(0.1)
    return None
