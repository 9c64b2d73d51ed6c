"""Ways into what was rendered."""

from __future__ import annotations

from typing import Any

from cli.local.manifest import read_manifest
from deploy.declared import ROOT
from deploy.verify.chart import Document


def all_agents_and(*entries: str) -> list[str]:
    """Values for the whole list of agents, since Helm replaces a list: those of dapr.yaml, and what entries add."""
    apps = read_manifest(ROOT / "dapr.yaml")
    return [*(f"agents[{number}].name={app.app_id}" for number, app in enumerate(apps)), *entries]


def of_kind(objects: list[Document], kind: str) -> list[Document]:
    return [found for found in objects if found["kind"] == kind]


def named(objects: list[Document], kind: str, name: str) -> Document:
    (found,) = [found for found in of_kind(objects, kind) if found["metadata"]["name"] == name]
    return found


def pod_of(deployment: Document) -> dict[str, Any]:
    pod: dict[str, Any] = deployment["spec"]["template"]
    return pod


def container_of(deployment: Document) -> dict[str, Any]:
    (container,) = pod_of(deployment)["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def environment_of(deployment: Document) -> dict[str, Any]:
    """The app's settings; of those that come from a Secret, its name and key."""
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom", {}).get("secretKeyRef"))
        for entry in container_of(deployment)["env"]
    }


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()
