"""`agents status`: what runs, how it fares, what waits."""

from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.asked_models import asked_model
from cli.credentials import credentials
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import control, model
from cli.local.instance import Instance, find_instance
from cli.local.platform import Platform, plan, port_of
from cli.local.redis import FULL, Redis, backlog, condition, in_mib, refusal
from cli.local.stand_ins import SERVICE_BUS
from cli.local.stand_ins import backlog as backlog_of_stand_in
from cli.local.work import work_by_agent
from cli.output import console, print_json
from cli.readable import duration

EPILOG = "Example: agents status --json | jq '.services[] | select(.restarts > 0)'"
_NUMBERS = {"pid", "restarts", "memory", "port"}
_COLOURS = {"ready": "green", "starting": "cyan", "waiting": "cyan", "unready": "yellow", "backoff": "red"}


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Apps, sidecars, brokers and model: state, restarts, memory; of every agent what waits, for how long at most, and how
    often work came once more than needed (since its replicas started).

    Exit code 0 when all is ready, 4 when something is not, a topic cannot be received or Redis is over 90 % full, 3 when nothing runs.
    """
    instance = find_instance().as_started
    status = control.ask(instance, "status") | outside(plan(instance))
    complaints = any(one.get("complaints") for one in status["services"])
    status["ready"] = status["ready"] and not complaints and _trouble(status["redis"]) is None
    broker = status["redis"] or status.get("service_bus") or {}
    status["agents"] = work_by_agent(
        status["services"], broker.get("backlog", []), credentials(instance.environment)
    )
    if as_json:
        print_json(status)
    else:
        _show(instance, status)
    ctx.exit(ExitCode.OK if status["ready"] else ExitCode.NOT_READY)


def outside(platform: Platform) -> dict[str, Any]:
    """What the supervisor does not know: the broker's backlog and the models."""
    bus = next((one for one in platform.stand_ins if one.name == SERVICE_BUS), None)
    return {
        "redis": _redis(platform),
        "service_bus": backlog_of_stand_in(bus) if bus else None,
        "model": outside_model(platform.instance),
    }


def _redis(platform: Platform) -> dict[str, Any] | None:
    if platform.redis is None:
        return None
    address = platform.redis
    try:
        with Redis("127.0.0.1", port_of(address)) as redis:
            found = condition(redis)
            full = {"fullness": round(found.fullness, 3), "refuses_writes": refusal(redis)}
            return {"address": address, **asdict(found), **full, "backlog": backlog(redis)}
    except (OSError, CommandError) as error:
        return {"address": address, "error": str(error)}


def _trouble(redis: dict[str, Any] | None) -> str | None:
    """What keeps a Redis that answers from taking work, or soon will."""
    if redis is None or "error" in redis:
        return None
    if redis["refuses_writes"]:
        return (
            "Redis is full: writes are refused" if redis["fullness"] >= FULL else str(redis["refuses_writes"])
        )
    if redis["fullness"] >= FULL:
        return f"Redis is {redis['fullness']:.0%} full, and full it refuses writes"
    return None


def outside_model(instance: Instance) -> dict[str, Any]:
    try:
        asked = asked_model(instance, None)
    except CommandError as error:
        return {"provider": instance.environment.get("LLM_PROVIDER", "ollama"), "error": error.message}
    told = {"provider": asked.provider, "address": asked.ollama or asked.endpoint.url, "model": asked.name}
    if asked.ollama is None:
        return told
    try:
        return {**told, "available": asked.name.removesuffix(":latest") in model.models(asked.ollama)}
    except CommandError as error:
        return {**told, "error": error.message}


def _show(instance: Instance, status: dict[str, Any]) -> None:
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("process", "state", "pid", "restarts", "memory", "port"):
        table.add_column(column, justify="right" if column in _NUMBERS else "left", no_wrap=True)
    table.add_column("last exit")
    for one in status["services"]:
        colour = _COLOURS.get(one["state"], "dim")
        pid, restarts, memory = one["pid"] or "", str(one["restarts"]), f"{one['memory_mb']} MB"
        port, last = str(next(iter(one["ports"].values()))), one["last_exit"] or ""
        table.add_row(one["name"], f"[{colour}]{one['state']}[/]", str(pid), restarts, memory, port, last)
    for part in status["adopted"]:
        table.add_row(part["name"], "was running", "", "", "", part["address"].rpartition(":")[2], "")
    out.print(table)
    _show_work(out, status["agents"])
    _show_backlog(status["redis"])
    _show_service_bus(status.get("service_bus"))
    told = status["model"]
    found = told.get("error") or {True: "available", False: "MISSING", None: ""}[told.get("available")]
    out.print(f"model: {told['provider']} {told.get('model', '')} {found}".rstrip(), markup=False)
    for one in status["services"]:
        if one["state"] == "backoff":
            out.print(f"[red]{one['name']}[/] cannot stay up: {one['last_exit']}; {one['log']}")
            if words := one.get("last_words"):
                out.print(f"  {words}", markup=False)
        for told in one.get("complaints", []):
            out.print(f"[red]{one['name']}[/]: ", end="")
            out.print(told, markup=False)
    if trouble := _trouble(status["redis"]):
        told = f"{trouble}; `{instance.command('doctor')}` tells more"
        out.print(told, style="red", markup=False)
    if status["ready"]:
        out.print(f"all ready, up for {status['up_s']:.0f} s")
    else:
        out.print(f"not all is ready; {instance.command('logs')} tells more")


def _show_work(out: Console, agents: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("agent", "replicas", "waiting", "in work", "oldest", "redeliveries"):
        table.add_column(column, justify="left" if column == "agent" else "right", no_wrap=True)
    for one in agents:
        oldest = "" if one["oldest_s"] is None else duration(one["oldest_s"])
        redeliveries = "?" if one["redeliveries"] is None else str(one["redeliveries"])
        numbers = [str(one[key]) for key in ("replicas", "waiting", "in_work")]
        table.add_row(one["agent"], *numbers, oldest, redeliveries)
    out.print()
    out.print(table)
    out.print()


def _show_backlog(redis: dict[str, Any] | None) -> None:
    if redis is None:
        return
    if "error" in redis:
        click.echo(f"backlog: Redis at {redis['address']} does not tell: {redis['error']}")
        return
    limit = f" of {in_mib(redis['max_bytes'])}" if redis["max_bytes"] else ", no limit"
    click.echo(f"redis: {in_mib(redis['used_bytes'])}{limit} used")
    _show_entries(redis["backlog"])


def _show_service_bus(bus: dict[str, Any] | None) -> None:
    if bus is None:
        return
    if "error" in bus:
        click.echo(f"backlog: Service Bus at {bus['address']} does not tell: {bus['error']}")
        return
    _show_entries(bus["backlog"])
    if bus["dead_letters"]:
        click.echo(f"service-bus: {bus['dead_letters']} messages given up by the broker itself")


def _show_entries(backlog: list[dict[str, Any]]) -> None:
    waiting = [entry for entry in backlog if entry["pending"] or entry["waiting"]]
    click.echo("backlog: " + ("" if waiting else "none"))
    for entry in waiting:
        click.echo(
            f"  {entry['agent']}: {entry['topic']}: {entry['waiting']} waiting, {entry['pending']} in work"
        )
