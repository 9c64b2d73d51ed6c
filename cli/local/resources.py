"""Dapr's component files as far as a local start has to know them: where they lead, and whether they can work."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.manifest import shifted_address

_LOCAL = re.compile(r"(//127\.0\.0\.1:)(\d+)")


@dataclass(frozen=True)
class Resource:
    """One document of a YAML file in a resources folder."""

    file: Path
    document: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.document.get("kind"))

    @property
    def name(self) -> str:
        return str((self.document.get("metadata") or {}).get("name"))

    @property
    def type(self) -> str:
        return str((self.document.get("spec") or {}).get("type"))

    @property
    def metadata(self) -> dict[str, Any]:
        return {str(item.get("name")): item.get("value") for item in self._items}

    @property
    def variables(self) -> list[str]:
        """Those that its metadata takes values from."""
        return [str(item["envRef"]) for item in self._items if item.get("envRef")]

    @property
    def _items(self) -> list[dict[str, Any]]:
        items = (self.document.get("spec") or {}).get("metadata") or []
        return [item for item in items if isinstance(item, dict)]


def read_resources(folder: Path) -> list[Resource]:
    """All documents of a resources folder. daprd skips a file it cannot read with a warning; this is an error here."""
    if not folder.is_dir():
        raise _invalid(folder, "no such folder", "see resourcesPaths in dapr.yaml")
    found = [
        Resource(file, document) for file in sorted(folder.glob("*.y*ml")) for document in _documents(file)
    ]
    for resource in found:
        for problem in _problems(resource):
            raise _invalid(resource.file, problem, "see docs.dapr.io, component schema")
    return found


def redis_addresses(resources: list[Resource]) -> set[str]:
    return {str(address) for resource in resources if (address := resource.metadata.get("redisHost"))}


def write_shifted(source: Path, target: Path, offset: int) -> None:
    """A copy of a resources folder whose Redis and stand-ins are those of a shifted instance."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.y*ml"):
        documents = list(_documents(file))
        for document in documents:
            for item in (document.get("spec") or {}).get("metadata") or []:
                if item.get("name") == "redisHost":
                    item["value"] = shifted_address(item["value"], offset)
                elif item.get("name") in {"connectionString", "url"} and "value" in item:
                    item["value"] = _LOCAL.sub(
                        lambda found: f"{found[1]}{int(found[2]) + offset}", str(item["value"])
                    )
        (target / file.name).write_text(yaml.safe_dump_all(documents, sort_keys=False))


def _documents(file: Path) -> Iterator[dict[str, Any]]:
    try:
        for document in yaml.safe_load_all(file.read_text()):
            if document is None:
                continue
            if not isinstance(document, dict):
                raise _invalid(
                    file, "a document is not a mapping", "it needs apiVersion, kind, metadata and spec"
                )
            yield document
    except yaml.YAMLError as error:
        raise _invalid(file, f"not YAML: {error}", "daprd would skip the file and start without it") from None


def _problems(resource: Resource) -> Iterator[str]:
    if not str(resource.document.get("apiVersion", "")).startswith("dapr.io/"):
        yield "apiVersion is not dapr.io/…"
    if resource.kind not in {"Component", "Configuration", "Resiliency", "Subscription", "HTTPEndpoint"}:
        yield f"unknown kind {resource.kind!r}"
    if resource.name == "None":
        yield "metadata.name is missing"
    if resource.kind == "Component":
        group, dot, product = resource.type.partition(".")
        if not (dot and product):
            yield f"spec.type is {resource.type!r}, not <group>.<product>"
        if group not in {
            "pubsub",
            "state",
            "secretstores",
            "bindings",
            "configuration",
            "lock",
            "crypto",
            "conversation",
        }:
            yield f"spec.type {resource.type!r} is of an unknown group"


def _invalid(path: Path, problem: str, hint: str) -> CommandError:
    return CommandError(f"{path}: {problem}", hint=hint, code=ExitCode.INVALID)
