"""Turns the plan of a start into programs: command lines, environments, ports, probes."""

import asyncio
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli.local import model, probe
from cli.local.manifest import App, ports_of
from cli.local.platform import CONTROL_PLANE_PORTS, Platform, port_of
from cli.local.provision.run import Programs
from cli.local.replicas import Replica
from cli.local.resources import write_shifted
from cli.local.service import Adopted, Role, Service
from cli.local.stand_ins import StandIn

LOOPBACK = "127.0.0.1"
HOST = "infrastructure.host"
"""Whose settings are ours to judge; a program of another kind knows its own."""


def services(platform: Platform, programs: Programs, running: list[Adopted]) -> list[Service]:
    """Everything to start, infrastructure first; what runs already is left out."""
    there = {part.name for part in running}
    found = [service for service in _infrastructure(platform, programs) if service.name not in there]
    brokers = {"redis", *(one.name for one in platform.stand_ins)}
    needs = tuple(service.name for service in found if service.name in brokers)
    env = _environment(platform)
    for replica in platform.replicas:
        found += [_app(platform, replica, env), _sidecar(platform, replica, programs, env, needs)]
    return found


def environments(platform: Platform) -> dict[str, dict[str, str]]:
    """What each agent that this project's host serves would be told, by its app-id."""
    env = _environment(platform)
    return {app.app_id: _of_app(app, env) for app in platform.apps if HOST in app.command}


def _app(platform: Platform, replica: Replica, env: Mapping[str, str]) -> Service:
    app = replica.app
    return Service(
        name=replica.name,
        role=Role.APP,
        agent=app.app_id,
        argv=list(app.command),
        cwd=platform.instance.root / app.app_dir_path,
        env=_of_app(app, env),
        probe=probe.http(app.app_port, "/readyz", 200, alive="/healthz"),
        ports={"app": app.app_port},
        log=platform.instance.logs / f"{replica.name}.log",
        address=f"http://{LOOPBACK}:{app.app_port}",
    )


def _sidecar(
    platform: Platform, replica: Replica, programs: Programs, env: Mapping[str, str], needs: tuple[str, ...]
) -> Service:
    assert programs.daprd is not None  # noqa: S101 - always wanted
    app, name = replica.app, replica.sidecar
    ports = {purpose: port for purpose, port in ports_of(app).items() if purpose != "app"}
    return Service(
        name=name,
        role=Role.SIDECAR,
        agent=app.app_id,
        argv=[programs.daprd, *_daprd_arguments(platform, app)],
        cwd=platform.instance.root / app.app_dir_path,
        # mDNS would give out this machine's outer address, where nothing listens.
        env={**env, "DAPR_HOST_IP": LOOPBACK},
        # Not /v1.0/healthz: that one is 500 for 20 s after an unclean scheduler stop while everything works.
        probe=probe.http(app.dapr_http_port, "/v1.0/healthz/outbound", 204),
        ports=ports,
        log=platform.instance.logs / f"{name}.log",
        address=f"http://{LOOPBACK}:{app.dapr_http_port}",
        needs=needs,
    )


def _daprd_arguments(platform: Platform, app: App) -> Iterator[str]:
    instance = platform.instance
    values: dict[str, object] = {
        "app-id": app.app_id,
        "app-port": app.app_port,
        "app-protocol": app.app_protocol or "http",
        "app-channel-address": app.app_channel_address,
        "dapr-http-port": app.dapr_http_port,
        "dapr-grpc-port": app.dapr_grpc_port,
        "dapr-internal-grpc-port": app.dapr_internal_grpc_port,
        "dapr-internal-grpc-listen-address": LOOPBACK,
        "dapr-listen-addresses": app.api_listen_addresses or LOOPBACK,
        "metrics-port": app.metrics_port,
        "metrics-listen-address": LOOPBACK,
        "log-level": app.log_level or "info",
        "app-max-concurrency": app.app_max_concurrency,
        "max-body-size": app.max_body_size,
        "read-buffer-size": app.read_buffer_size,
        "app-health-check-path": app.app_health_check_path,
        "app-health-probe-interval": app.app_health_probe_interval,
        "app-health-probe-timeout": app.app_health_probe_timeout,
        "app-health-threshold": app.app_health_threshold,
        "profile-port": app.profile_port,
        "config": instance.root / app.config_file_path if app.config_file_path else None,
    }
    for flag, value in values.items():
        if value is not None:
            yield from (f"--{flag}", str(value))
    # Given even when empty: left out, daprd would look for them at their usual ports.
    yield f"--placement-host-address={platform.placement or ''}"
    yield f"--scheduler-host-address={platform.scheduler or ''}"
    switches = {
        "app-ssl": app.app_ssl,
        "enable-app-health-check": app.enable_app_health_check,
        "enable-api-logging": app.enable_api_logging,
        "enable-profiling": app.enable_profiling,
    }
    for flag, on in switches.items():
        if on:
            yield f"--{flag}"
    for path in app.resources_paths:
        yield from ("--resources-path", str(_resources(platform, instance.root / path)))


def _resources(platform: Platform, folder: Path) -> Path:
    """The folder itself; with shifted ports a copy whose components name what is shifted with them."""
    instance = platform.instance
    if not instance.offset:
        return folder
    copy = instance.run / "resources" / folder.relative_to(instance.root)
    write_shifted(folder, copy, instance.offset)
    return copy


def _infrastructure(platform: Platform, programs: Programs) -> Iterator[Service]:
    if platform.redis and programs.redis_server:
        yield _redis(platform, port_of(platform.redis), programs.redis_server)
    for one in platform.stand_ins:
        yield _stand_in(platform, one)
    if platform.placement and programs.placement:
        yield _placement(platform, port_of(platform.placement), programs.placement)
    if platform.scheduler and programs.scheduler:
        yield _scheduler(platform, port_of(platform.scheduler), programs.scheduler)
    if platform.ollama and programs.ollama:
        yield _ollama(platform, platform.ollama, programs.ollama, programs.model)
    if platform.smtp:
        yield _mail(platform, port_of(platform.smtp))


def _redis(platform: Platform, port: int, server: Path) -> Service:
    data = _folder(platform, "redis")
    settings = platform.settings
    # The append-only file is the data, so snapshots (--save) are off. Written out every second, no event is lost with
    # the process, one second with the machine.
    durability = ["--appendonly", "yes", "--appendfsync", settings.redis_appendfsync, "--save", ""]
    # Full, it says so to whoever writes; any other policy would drop work that is not done.
    memory = ["--maxmemory", str(settings.redis_maxmemory), "--maxmemory-policy", "noeviction"]
    return Service(
        name="redis",
        role=Role.INFRASTRUCTURE,
        argv=[server, "--port", str(port), "--bind", LOOPBACK, "--dir", str(data), *durability, *memory],
        cwd=data,
        env=_plain(platform),
        probe=probe.redis(port),
        ports={"redis": port},
        log=platform.instance.logs / "redis.log",
        address=f"{LOOPBACK}:{port}",
    )


def _stand_in(platform: Platform, one: StandIn) -> Service:
    return Service(
        name=one.name,
        role=Role.INFRASTRUCTURE,
        argv=one.argv,
        cwd=platform.instance.root,
        env=_plain(platform),
        probe=one.probe,
        ports=one.ports,
        log=platform.instance.logs / f"{one.name}.log",
        address=one.address,
    )


def _placement(platform: Platform, port: int, program: Path) -> Service:
    extra = _control_plane_ports(platform, "placement")
    cluster = f"--initial-cluster=dapr-placement-0={LOOPBACK}:{extra['raft']}"
    return _control_plane(platform, "placement", port, program, [cluster])


def _scheduler(platform: Platform, port: int, program: Path) -> Service:
    extra = _control_plane_ports(platform, "scheduler")
    flags = [
        f"--etcd-data-dir={_folder(platform, 'scheduler')}",
        f"--etcd-client-port={extra['etcd client']}",
        f"--etcd-initial-cluster=dapr-scheduler-server-0=http://{LOOPBACK}:{extra['etcd peer']}",
        f"--override-broadcast-host-port={LOOPBACK}:{port}",
    ]
    return _control_plane(platform, "scheduler", port, program, flags)


def _control_plane(platform: Platform, name: str, port: int, program: Path, flags: list[str]) -> Service:
    extra = _control_plane_ports(platform, name)
    return Service(
        name=name,
        role=Role.INFRASTRUCTURE,
        argv=[
            program,
            f"--port={port}",
            f"--listen-address={LOOPBACK}",
            f"--healthz-port={extra['health']}",
            f"--healthz-listen-address={LOOPBACK}",
            f"--metrics-port={extra['metrics']}",
            f"--metrics-listen-address={LOOPBACK}",
            *flags,
        ],
        cwd=platform.instance.root,
        env=_plain(platform),
        probe=probe.http(extra["health"], "/healthz", 200),
        ports={name: port, **extra},
        log=platform.instance.logs / f"{name}.log",
        address=f"{LOOPBACK}:{port}",
    )


def _ollama(platform: Platform, base: str, program: Path, gguf: Path | None) -> Service:
    port = port_of(base)
    # A home and models of its own: the user's ~/.ollama stays as it is. `agents reset` leaves them.
    home = _folder(platform, "ollama")

    async def prepare() -> None:
        if platform.bundled_model and gguf is not None:
            await asyncio.to_thread(model.ensure_model, base, gguf)

    return Service(
        name="ollama",
        role=Role.INFRASTRUCTURE,
        argv=[program, "serve"],
        cwd=home,
        env={
            **_plain(platform),
            "HOME": str(home),
            "OLLAMA_HOST": f"{LOOPBACK}:{port}",
            "OLLAMA_MODELS": str(home / "models"),
            "OLLAMA_CONTEXT_LENGTH": "4096",
            # Four answers at once: 132 tokens a second over four clients where one after another makes 81.
            "OLLAMA_NUM_PARALLEL": "4",
        },
        probe=probe.http(port, "/api/version", 200),
        ports={"ollama": port},
        log=platform.instance.logs / "ollama.log",
        address=base,
        prepare=prepare,
    )


def _mail(platform: Platform, port: int) -> Service:
    return Service(
        name="mail",
        role=Role.INFRASTRUCTURE,
        argv=[sys.executable, "-m", "cli.local.mail", str(port), platform.instance.mail],
        cwd=platform.instance.root,
        env=_plain(platform),
        probe=probe.smtp(port),
        ports={"smtp": port},
        log=platform.instance.logs / "mail.log",
        address=f"{LOOPBACK}:{port}",
    )


def _of_app(app: App, env: Mapping[str, str]) -> dict[str, str]:
    return {
        **env,
        "APP_ID": app.app_id,
        "APP_PORT": str(app.app_port),
        "APP_PROTOCOL": app.app_protocol or "http",
        "DAPR_HTTP_PORT": str(app.dapr_http_port),
        "DAPR_GRPC_PORT": str(app.dapr_grpc_port),
        "DAPR_METRICS_PORT": str(app.metrics_port),
        **{key: str(value) for key, value in app.env.items()},
    }


def _environment(platform: Platform) -> dict[str, str]:
    """For apps and sidecars alike: the shell's and `.env`'s variables, the shared token, where things are."""
    env = _plain(platform)
    # Only the sidecar may call the app's /dapr and /job routes. A DAPR_API_TOKEN is passed on when given, never made:
    # plain curl to a sidecar would stop working.
    env.setdefault("APP_API_TOKEN", secrets.token_urlsafe(32))
    if platform.ollama:
        env["OLLAMA_HOST"] = platform.ollama
    if platform.smtp:
        env["AGENTS_SMTP_HOST"], env["AGENTS_SMTP_PORT"] = LOOPBACK, str(port_of(platform.smtp))
    return env


def _plain(platform: Platform) -> dict[str, str]:
    return {**platform.instance.environment, "PYTHONUNBUFFERED": "1"}


def _control_plane_ports(platform: Platform, part: str) -> dict[str, int]:
    return {purpose: port + platform.instance.offset for purpose, port in CONTROL_PLANE_PORTS[part].items()}


def _folder(platform: Platform, name: str) -> Path:
    folder = platform.instance.run / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
