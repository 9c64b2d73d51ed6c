"""Strict JSON schemas of everything that the chart renders: Kubernetes' own, and those of custom resource definitions."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.provision.cache import Cache
from cli.local.provision.programs import run_program
from cli.local.provision.progress import Step
from cli.local.provision.toolchain import find_go
from cli.local.provision.wheels import fetch, pinned, unpack
from deploy.verify.tools import PINS

OLDEST, NEWEST = "1.30.0", "1.37.0"
"""Of Kubernetes: the chart's kubeVersion, and the newest that there are schemas of."""
_MAKING = "1"
"""Counted up when this module makes other files out of the same sources."""


@dataclass(frozen=True)
class Definition:
    """A Go module whose files are custom resource definitions."""

    module: str
    version: str
    hash: str
    files: tuple[str, ...]


def definitions() -> list[Definition]:
    lines = (PINS / "modules.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return [Definition(module, version, digest, tuple(files)) for module, version, digest, *files in rows]


async def provide_schemas(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    """A folder with `crds/*.yaml`, `custom/<group>/<kind>_<version>.json` and `<version>/<kind>….json`."""
    pins = (PINS / "modules.txt").read_bytes()
    folder = cache.folder("kubernetes-schemas", pins, pinned("kubernetes-validate", PINS), _MAKING)
    if not folder.exists():
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                await _custom(draft, cache, env, step)
                await _own(draft, cache, env, step)
    step.done(str(folder))
    return folder


async def _custom(folder: Path, cache: Cache, env: Mapping[str, str], step: Step) -> None:
    go = await find_go(cache, env, step)
    crds = folder / "crds"
    crds.mkdir()
    for definition in definitions():
        step.says(f"downloading {definition.module}")
        log = cache.log("crds")
        # In a folder without a go.mod: what is downloaded is what is named, and nothing that it needs.
        await run_program(
            [go.program, "mod", "download", "-json", f"{definition.module}@{definition.version}"],
            title=f"downloading {definition.module}",
            log=log,
            env=go.environment,
            cwd=folder,
        )
        found = json.loads(log.read_text())
        if found["Sum"] != definition.hash:
            raise CommandError(
                f"{definition.module}@{definition.version} has the hash {found['Sum']}, pinned is {definition.hash}",
                hint="check the Go module proxy in use; the pin is in deploy/verify/pins/modules.txt",
                code=ExitCode.BUILD_FAILED,
            )
        _copy(definition, Path(found["Dir"]), crds)
    _translate(crds, folder / "custom")


def _copy(definition: Definition, module: Path, crds: Path) -> None:
    for pattern in definition.files:
        for source in sorted(module.glob(pattern)):
            shutil.copyfile(source, crds / source.name)


def _translate(crds: Path, into: Path) -> None:
    for path in sorted(crds.glob("*.yaml")):
        for place, schema in custom_schemas(path.read_text()):
            target = into / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(schema))


async def _own(folder: Path, cache: Cache, env: Mapping[str, str], step: Step) -> None:
    wheel = await fetch(
        "kubernetes-validate", folder, log=cache.log("schemas"), env=env, step=step, pins=PINS
    )
    step.says("unpacking schemas")
    unpacked = folder / "unpacked"
    await asyncio.to_thread(unpack, wheel, unpacked)
    for version in (OLDEST, NEWEST):
        source = unpacked / "kubernetes_validate" / "kubernetes-json-schema" / f"v{version}-local-strict"
        target = folder / version
        target.mkdir()
        for path in source.glob("*.json"):
            # Their references and ids are addresses of a server that there is not.
            schema = json.loads(path.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
            schema.pop("$id", None)
            (target / path.name).write_text(json.dumps(schema))
    shutil.rmtree(unpacked)
    wheel.unlink()


def custom_schemas(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of every version of every definition in a file: its path, and a schema that knows no further keys."""
    for document in yaml.load_all(text, Loader=Loader):
        if not document or document.get("kind") != "CustomResourceDefinition":
            continue
        spec = document["spec"]
        for version in spec["versions"]:
            schema = _strict(version["schema"]["openAPIV3Schema"])
            always = {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"type": "object"},
            }
            schema["properties"] = {**schema.get("properties", {}), **always}
            schema["additionalProperties"] = False
            yield f"{spec['group']}/{spec['names']['kind'].lower()}_{version['name']}.json", schema


class Loader(yaml.SafeLoader):
    """Without YAML 1.1's `=`, which is a matching operator in definitions of the Prometheus operator."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        key: value for key, value in yaml.SafeLoader.yaml_implicit_resolvers.items() if key != "="
    }


def _strict(schema: Any) -> Any:
    """The structural schema with what Kubernetes implies written out: no unknown keys, null, numbers or texts."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    made = {key: value if key in _VALUES else _strict(value) for key, value in schema.items()}
    for key in ("properties", "patternProperties"):
        if key in schema:
            made[key] = {name: _strict(part) for name, part in schema[key].items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in made and "additionalProperties" not in made and not open_ended:
        made["additionalProperties"] = False
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


_VALUES = {"enum", "default", "example", "required"}
