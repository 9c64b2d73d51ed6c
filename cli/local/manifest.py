"""Reads dapr.yaml strictly: what `dapr run -f` would silently ignore is an error here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cli.errors import CommandError
from cli.exit_codes import ExitCode

Port = Annotated[int, Field(ge=1, le=65_535)]


def _key(name: str) -> str:
    return {"app_id": "appID", "app_ssl": "appSSL"}.get(name, to_camel(name))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=_key)


class Shared(_Strict):
    """Keys allowed under `common` and for each app, where they win. Source: dapr/cli pkg/standalone/run.go, 1.16."""

    config_file_path: str | None = None
    resources_paths: list[str] = []
    app_protocol: Literal["http", "https", "grpc", "grpcs", "h2c"] | None = None
    api_listen_addresses: str | None = None
    placement_host_address: str | None = None
    scheduler_host_address: str | None = None
    log_level: Literal["debug", "info", "warn", "error", "fatal"] | None = None
    app_max_concurrency: int | None = None
    app_ssl: bool = False
    max_body_size: str | None = None
    read_buffer_size: str | None = None
    enable_app_health_check: bool = False
    app_health_check_path: str | None = None
    app_health_probe_interval: int | None = None
    app_health_probe_timeout: int | None = None
    app_health_threshold: int | None = None
    enable_api_logging: bool = False
    enable_profiling: bool = False
    # For `dapr run -f` alone: here programs are found by `agents provision`, logs always go to both.
    runtime_path: str | None = None
    daprd_log_destination: Literal["file", "console", "fileAndConsole"] | None = None
    app_log_destination: Literal["file", "console", "fileAndConsole"] | None = None
    env: dict[str, str | int | float | bool] = {}


class App(Shared):
    """One agent and its sidecar. Ports must be given: a random one could not be told to anybody."""

    app_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    app_dir_path: str
    command: Annotated[list[str], Field(min_length=1)]
    app_port: Port
    dapr_http_port: Annotated[Port, Field(alias="daprHTTPPort")]
    dapr_grpc_port: Annotated[Port, Field(alias="daprGRPCPort")]
    dapr_internal_grpc_port: Annotated[Port, Field(alias="daprInternalGRPCPort")]
    metrics_port: Port
    profile_port: Port | None = None
    app_channel_address: str | None = None


class Manifest(_Strict):
    version: Literal[1]
    name: str | None = None
    common: Shared = Shared()
    apps: Annotated[list[App], Field(min_length=1)]

    def merged(self) -> list[App]:
        """The apps with `common` filled in, as `dapr run -f` merges: a value of the app wins, `env` key by key."""
        shared = self.common.model_dump(exclude_unset=True)
        merged = []
        for app in self.apps:
            own = {
                key: value
                for key, value in app.model_dump(exclude_unset=True).items()
                if value not in ("", [], {})
            }
            env = {**shared.get("env", {}), **own.get("env", {})}
            merged.append(app.model_copy(update={**shared, **own, "env": env}))
        return merged


def read_manifest(path: Path) -> list[App]:
    """The apps of dapr.yaml, `common` merged in; CommandError naming file, line, key and cure."""
    try:
        text = path.read_text()
        manifest = Manifest.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise _invalid(path, str(error.strerror)) from None
    except yaml.YAMLError as error:
        raise _invalid(path, f"not YAML: {error}") from None
    except ValidationError as error:
        raise _invalid(path, "\n  ".join(_explained(error, text))) from None
    apps = manifest.merged()
    _refuse_doubles(path, apps)
    return apps


def ports_of(app: App) -> dict[str, int]:
    """What each port of an app and its sidecar is for."""
    ports = {
        "app": app.app_port,
        "sidecar HTTP": app.dapr_http_port,
        "sidecar gRPC": app.dapr_grpc_port,
        "sidecar internal gRPC": app.dapr_internal_grpc_port,
        "sidecar metrics": app.metrics_port,
    }
    if app.enable_profiling and app.profile_port:
        ports["sidecar profiling"] = app.profile_port
    return ports


def shifted(app: App, offset: int) -> App:
    """The same app on ports further up, for a second copy of everything beside the first."""
    addresses = {name: shifted_address(getattr(app, name), offset) for name in _ADDRESS_FIELDS}
    return shifted_ports(app, offset).model_copy(update=addresses if offset else {})


def shifted_ports(app: App, offset: int) -> App:
    """The same app beside itself: its own ports move, what it is connected to stays."""
    ports = {name: value + offset for name in _PORT_FIELDS if (value := getattr(app, name)) is not None}
    return app.model_copy(update=ports)


def shifted_address(address: str | None, offset: int) -> str | None:
    host, colon, port = (address or "").rpartition(":")
    return f"{host}:{int(port) + offset}" if colon and port.isdecimal() else address


_PORT_FIELDS = (
    "app_port",
    "dapr_http_port",
    "dapr_grpc_port",
    "dapr_internal_grpc_port",
    "metrics_port",
    "profile_port",
)
_ADDRESS_FIELDS = ("placement_host_address", "scheduler_host_address")


def _refuse_doubles(path: Path, apps: list[App]) -> None:
    users: dict[str, str] = {}
    for app in apps:
        for what, value in {"appID": app.app_id, **ports_of(app)}.items():
            kind = "app-id" if what == "appID" else "port"
            if (other := users.get(f"{kind} {value}")) is not None:
                raise _invalid(path, f"{kind} {value} is given to {other} and to {app.app_id} ({what})")
            users[f"{kind} {value}"] = f"{app.app_id} ({what})"


def _explained(error: ValidationError, text: str) -> list[str]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    told = []
    for problem in error.errors():
        location = problem["loc"]
        where = ".".join(f"[{part}]" if isinstance(part, int) else part for part in location).replace(
            ".[", "["
        )
        line = f"line {_line(root, location)}: " if root is not None else ""
        if problem["type"] == "extra_forbidden":
            model = App if location[0] == "apps" else Shared if location[0] == "common" else Manifest
            allowed = ", ".join(sorted(str(field.alias) for field in model.model_fields.values()))
            told.append(f"{line}unknown key {where!r}; allowed here: {allowed}")
        elif problem["type"] == "missing":
            told.append(f"{line}{where!r} is missing")
        else:
            told.append(f"{line}{where or 'the file'!r}: {problem['msg']}, it is {_shape(problem['input'])}")
    return told


def _line(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    line: int = node.start_mark.line + 1
    for part in location:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = node.value[part]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line


def _shape(value: Any) -> str:
    return "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else repr(value)


def _invalid(path: Path, problem: str) -> CommandError:
    return CommandError(
        f"{path}: {problem}", hint="`agents doctor` checks the file again", code=ExitCode.INVALID
    )
