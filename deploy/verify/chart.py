"""Helm on the chart: what each environment's files are, and what they render to."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cli.errors import CommandError
from deploy.declared import CHART, ROOT

ENVIRONMENTS = {
    "dev": ("values-dev.yaml",),
    "staging": ("values-staging.yaml", "examples/azure.yaml"),
    "prod": ("values-prod.yaml", "examples/azure.yaml"),
}
"""The value files of each; the example stands for what the infrastructure gives out."""
MODELS = "models/azure.yaml"
RELEASE = NAMESPACE = "agents"

Document = dict[str, Any]


def value_files(environment: str, chart: Path = ROOT / CHART) -> list[str]:
    """As options of helm; with the models file, where Azure OpenAI is asked."""
    files = [part for name in ENVIRONMENTS[environment] for part in ("--values", str(chart / name))]
    on_azure = "examples/azure.yaml" in ENVIRONMENTS[environment]
    return [*files, "--set-file", f"models={ROOT / MODELS}"] if on_azure else files


def helm(program: Path, *arguments: str) -> str:
    """Its output; CommandError with what it complained of."""
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CommandError(f"helm {arguments[0]}: {(ran.stderr + ran.stdout).strip()}")
    return ran.stdout


def lint(program: Path, environment: str) -> str:
    return helm(program, "lint", str(ROOT / CHART), "--strict", *value_files(environment))


def template(program: Path, environment: str, options: Sequence[str] = ()) -> str:
    """The manifests as text; further options win over the environment's files."""
    where = ("--namespace", NAMESPACE, "--include-crds")
    return helm(program, "template", RELEASE, str(ROOT / CHART), *where, *value_files(environment), *options)


def documents(manifests: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(manifests) if document]
