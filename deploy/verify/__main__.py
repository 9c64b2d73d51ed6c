"""`python -m deploy.verify`: proves the chart with Helm, schemas, policies and a real API server, on this machine alone."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from cli.exit_codes import EXIT_CODES, ExitCode
from cli.local.provision.cache import user_cache
from cli.local.provision.progress import Progress
from cli.standalone import run_standalone
from deploy.declared import ROOT
from deploy.verify import checks
from deploy.verify.bicep.azure import provide_types
from deploy.verify.bicep.project import FOLDER, resource_types
from deploy.verify.lifecycle import Server, prove_lifecycle
from deploy.verify.proof import Proof, all_hold
from deploy.verify.schemas import provide_schemas
from deploy.verify.tools import (
    ACTIONLINT,
    ETCD,
    HELM,
    INJECTOR,
    KEDA,
    KUBE_APISERVER,
    KUBECONFORM,
    KUSTOMIZE,
    PROMTOOL,
    Tool,
    provide,
)

FAST: tuple[Tool, ...] = (HELM, KUBECONFORM, KUSTOMIZE, PROMTOOL, ACTIONLINT)
SERVER: tuple[Tool, ...] = (ETCD, KUBE_APISERVER, KEDA, INJECTOR)


@click.command(epilog=f"Example: python -m deploy.verify --no-api-server\n\n{EXIT_CODES}")
@click.option(
    "--api-server/--no-api-server",
    default=True,
    help="Whether to install into a real kube-apiserver; the first time it is built, about five minutes.",
)
def command(*, api_server: bool) -> None:
    """Prove what deploy/ holds: helm lint and template, schemas, policies, install, upgrade and rollback."""
    console = Console(highlight=False)
    programs, schemas, types = asyncio.run(_provide(FAST + (SERVER if api_server else ()), console))
    proved = all_hold(_proofs(programs, schemas, types, api_server=api_server), console)
    sys.exit(ExitCode.OK if proved else ExitCode.FAILED)


def _proofs(programs: dict[str, Path], schemas: Path, types: Path, *, api_server: bool) -> list[Proof]:
    helm, kubeconform, kustomize, promtool, actionlint = (programs[tool.name] for tool in FAST)
    proofs = [
        Proof("the chart's files are those of the repository", checks.nothing_drifted),
        Proof("helm lint finds nothing", lambda: checks.lint_is_silent(helm)),
        Proof(
            "what is rendered fits strict schemas", lambda: checks.fits_schemas(helm, kubeconform, schemas)
        ),
        Proof(
            "the overlays for Argo CD and Flux build",
            lambda: checks.overlays_build(helm, kustomize, kubeconform, schemas),
        ),
        Proof(
            "the Bicep fits Azure's types, and nothing in it is unused",
            lambda: checks.bicep_fits(types),
        ),
        Proof("actionlint finds nothing", lambda: checks.workflows_are_right(actionlint)),
        Proof(
            "every alert fires when it should and not when it should not",
            lambda: checks.alerts_fire(helm, promtool),
        ),
        Proof(
            "policies hold, and wrong values are refused",
            lambda: checks.policies_hold(helm, promtool, types),
        ),
    ]
    if api_server:
        etcd, kube_apiserver, keda, injector = (programs[tool.name] for tool in SERVER)
        server = Server(etcd, kube_apiserver, keda, injector, schemas / "crds")
        proofs.append(
            Proof(
                "a real API server with KEDA's webhook takes it, through upgrade and rollback",
                lambda: prove_lifecycle(helm, server),
            )
        )
    return proofs


async def _provide(tools: tuple[Tool, ...], console: Console) -> tuple[dict[str, Path], Path, Path]:
    """One after the other: each build takes all the cores that there are."""
    cache, progress = user_cache(os.environ), Progress(console)
    steps = [progress.step(f"{tool.name} {tool.version}", tool.seconds) for tool in tools]
    last = progress.step("schemas", 30)
    azure = progress.step("Azure's types", 90)
    async with progress.shown():
        programs = {
            tool.name: await provide(tool, cache, os.environ, step)
            for tool, step in zip(tools, steps, strict=True)
        }
        schemas = await provide_schemas(cache, os.environ, last)
        kinds = resource_types(ROOT / FOLDER)
        return programs, schemas, await provide_types(kinds, cache, os.environ, azure)


if __name__ == "__main__":
    run_standalone(command)
