"""What one start consists of: dapr.yaml, what answers already, and which ports and programs are needed."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import mail, model, probe
from cli.local.instance import Instance
from cli.local.manifest import App, read_manifest, shifted, shifted_address
from cli.local.ports import holders
from cli.local.probe import Health, Probe
from cli.local.provision.run import Wanted
from cli.local.replicas import Replica, port_uses, refuse_doubles, replicas_of
from cli.local.resources import read_resources, redis_addresses
from cli.local.service import Adopted
from cli.local.settings import LocalSettings, read_settings
from cli.local.stand_ins import StandIn, stand_ins

# Ports the control plane needs beside the two that apps know; the table of ports gives it 3800 to 3999.
CONTROL_PLANE_PORTS = {
    "placement": {"health": 3890, "metrics": 3891, "raft": 3892},
    "scheduler": {"health": 3893, "metrics": 3894, "etcd client": 3895, "etcd peer": 3896},
}


@dataclass(frozen=True)
class Platform:
    """A start as planned. An address is None where this start has no such thing."""

    instance: Instance
    settings: LocalSettings
    replicas: list[Replica]
    redis: str | None
    stand_ins: list[StandIn]
    placement: str | None
    scheduler: str | None
    ollama: str | None  # base URL; None with another provider
    bundled_model: bool  # the small model has to be in Ollama
    smtp: str | None

    @property
    def parts(self) -> dict[str, tuple[str, Probe]]:
        """What may run already, with how to recognise it: name → address, probe."""
        found: dict[str, tuple[str, Probe]] = {}
        if self.redis:
            found["redis"] = (self.redis, probe.redis(port_of(self.redis)))
        found |= {one.name: (one.address, one.probe) for one in self.stand_ins}
        if self.placement:
            found["placement"] = (self.placement, probe.grpc(port_of(self.placement)))
        if self.scheduler:
            found["scheduler"] = (self.scheduler, probe.grpc(port_of(self.scheduler)))
        if self.ollama:
            address = self.ollama.removeprefix("http://")
            found["ollama"] = (address, probe.http(port_of(address), "/api/version", 200))
        if self.smtp:
            found["mail"] = (self.smtp, probe.smtp(port_of(self.smtp)))
        return found

    @property
    def apps(self) -> list[App]:
        """Each agent once, on the ports of its first replica."""
        return [replica.app for replica in self.replicas if replica.number == 1]


def plan(instance: Instance) -> Platform:
    """Read everything that decides what runs; CommandError when a file or setting is wrong."""
    env, offset = instance.environment, instance.offset
    settings = read_settings(env)
    apps = [shifted(app, offset) for app in read_manifest(instance.manifest)]
    for app in apps:
        _check_paths(instance, app)
    resources = [
        resource for folder in resource_folders(instance, apps) for resource in read_resources(folder)
    ]
    addresses = {str(shifted_address(address, offset)) for address in redis_addresses(resources)}
    if len(addresses) > 1:
        raise _invalid(f"the components name several Redis servers: {', '.join(sorted(addresses))}")
    provider = env.get("LLM_PROVIDER", "ollama")
    ollama = _ollama_url(env.get("OLLAMA_HOST"), offset) if provider == "ollama" else None
    smtp_host = env.get("AGENTS_SMTP_HOST", "127.0.0.1")
    smtp_port = env.get("AGENTS_SMTP_PORT") or str(mail.PORT + offset)
    platform = Platform(
        instance=instance,
        settings=settings,
        replicas=replicas_of(apps, settings.replicas),
        redis=next(iter(addresses), None),
        stand_ins=stand_ins(resources, offset),
        placement=_one({app.placement_host_address for app in apps}, "placementHostAddress"),
        scheduler=_one({app.scheduler_host_address for app in apps}, "schedulerHostAddress"),
        ollama=ollama,
        bundled_model=ollama is not None and env.get("OLLAMA_MODEL", model.NAME) == model.NAME,
        smtp=f"{smtp_host}:{smtp_port}" if is_local(f"{smtp_host}:{smtp_port}") else None,
    )
    refuse_doubles(_all_ports(platform))
    return platform


async def find_running(platform: Platform) -> list[Adopted]:
    """What answers already and is used; CommandError when a port is held by something else, all at once."""
    parts = platform.parts
    own = _own_ports(platform)
    listening = holders({port_of(address) for address, _ in parts.values()} | {port for port, _, _ in own})
    answers = await asyncio.gather(*(ask() for _, ask in parts.values()))
    adopted, problems = [], []
    for (name, (address, _)), health in zip(parts.items(), answers, strict=True):
        port = port_of(address)
        if not is_local(address):
            if name == "ollama":  # asked for by its users; a probe on loopback says nothing about it
                adopted.append(Adopted(name, address, port))
                continue
            raise _invalid(f"{name} is at {address}: `agents up` runs things on this machine only")
        if health is Health.READY:
            adopted.append(Adopted(name, address, port))
        elif port in listening:
            problems.append(f"{port} ({name}): {listening[port]}, which does not answer as {name}")
    running = {part.name for part in adopted}
    problems += [
        f"{port} ({purpose}): {listening[port]}"
        for port, part, purpose in own
        if port in listening and part not in running
    ]
    if problems:
        raise CommandError(
            "ports are taken:\n  " + "\n  ".join(problems),
            hint="end those programs, or start beside them: AGENTS_PORT_OFFSET=1000 agents up",
            code=ExitCode.PORT_TAKEN,
        )
    return adopted


def wanted(platform: Platform, running: list[Adopted]) -> Wanted:
    """Which programs have to be provided for this start."""
    there = {part.name for part in running}
    return Wanted(
        redis=platform.redis is not None and "redis" not in there,
        ollama=platform.ollama is not None and "ollama" not in there,
        model=platform.bundled_model,
    )


def resource_folders(instance: Instance, apps: list[App]) -> set[Path]:
    return {instance.root / path for app in apps for path in app.resources_paths}


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def is_local(address: str) -> bool:
    return address.rpartition(":")[0] in {"127.0.0.1", "localhost", "[::1]", ""}


def _own_ports(platform: Platform) -> list[tuple[int, str, str]]:
    """Ports that must be free: each with the part it belongs to, and what for."""
    ports = [(port, name, f"{name}, {purpose}") for name, purpose, port in port_uses(platform.replicas)]
    for one in platform.stand_ins:
        further = {purpose: port for purpose, port in one.ports.items() if port != one.port}
        ports += [(port, one.name, f"{one.name}, {purpose}") for purpose, port in further.items()]
    for part, extra in CONTROL_PLANE_PORTS.items():
        if (platform.placement if part == "placement" else platform.scheduler) is not None:
            ports += [
                (port + platform.instance.offset, part, f"{part}, {purpose}")
                for purpose, port in extra.items()
            ]
    return ports


def _all_ports(platform: Platform) -> list[tuple[int, str]]:
    """Every port of this machine that the start needs, also those of what may run already."""
    shared = [(port_of(address), name) for name, (address, _) in platform.parts.items() if is_local(address)]
    return [*shared, *((port, use) for port, _, use in _own_ports(platform))]


def _check_paths(instance: Instance, app: App) -> None:
    folder = instance.root / app.app_dir_path
    if not folder.is_dir():
        raise _invalid(f"{instance.manifest}: appDirPath of {app.app_id}: no folder {folder}")
    if not app.resources_paths:
        raise _invalid(
            f"{instance.manifest}: {app.app_id} has no resourcesPaths, neither of its own nor in common"
        )
    if app.config_file_path and not (instance.root / app.config_file_path).is_file():
        raise _invalid(f"{instance.manifest}: configFilePath of {app.app_id}: no file {app.config_file_path}")


def _ollama_url(host: str | None, offset: int) -> str:
    """Ollama itself takes `host`, `host:port` and a URL; so does this."""
    if not host:
        return f"http://127.0.0.1:{11434 + offset}"
    try:
        url = urlsplit(host if "//" in host else f"http://{host}")
        name, port = url.hostname or "127.0.0.1", url.port or (443 if url.scheme == "https" else 11434)
    except ValueError:
        raise _invalid(f"OLLAMA_HOST is {host!r}, not host:port or a URL") from None
    name = "127.0.0.1" if name in {"0.0.0.0", "localhost"} else name  # noqa: S104 - how clients reach it
    return f"{url.scheme}://{name}:{port}"


def _one(addresses: set[str | None], key: str) -> str | None:
    given = {address.strip() for address in addresses if address and address.strip()}
    if len(given) > 1:
        raise _invalid(f"apps name several {key}: {', '.join(sorted(given))}")
    return next(iter(given), None)


def _invalid(problem: str) -> CommandError:
    return CommandError(problem, code=ExitCode.INVALID)
