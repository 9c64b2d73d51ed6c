"""A release's life on a real API server: admitted, installed, upgraded, applied again, rolled back, removed."""

from __future__ import annotations

import contextlib
import copy
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from cli.errors import CommandError
from deploy.declared import CHART, ROOT
from deploy.verify.admission import admit, injected, pods_of, refuse_privileges
from deploy.verify.chart import (
    ENVIRONMENTS,
    NAMESPACE,
    RELEASE,
    Document,
    documents,
    helm,
    template,
    value_files,
)
from deploy.verify.cluster import Api, Refused, api_server
from deploy.verify.keda import keda_admission
from deploy.verify.schemas import Loader

ESTABLISHED_WITHIN = 30.0
OLD_DIGEST = "sha256:" + "0" * 64
NEW_AGENT = "service-desk"
"""What the release before did not have."""


@dataclass(frozen=True)
class Server:
    """The programs that make one, and the folder of the definitions that it is given."""

    etcd: Path
    kube_apiserver: Path
    keda: Path
    injector: Path
    definitions: Path


def prove_lifecycle(program: Path, server: Server) -> str:
    """On one server, for every environment in turn; says what was done."""
    done = []
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(api_server(server.etcd, server.kube_apiserver))
        _define(api, server.definitions)
        webhooks = server.definitions / "validation_webhooks.yaml"
        stack.enter_context(keda_admission(server.keda, webhooks, api))
        for environment in ENVIRONMENTS:
            _namespace(api)
            pods = pods_of(documents(template(program, environment)))
            admit(api, [injected(server.injector, pod) for pod in pods])
            refuse_privileges(api, server.injector, pods[0])
            done.append(
                f"{environment}: {len(pods)} pods with sidecars admitted, {_life(api, program, environment)}"
            )
    return "; ".join(done)


def _define(api: Api, crds: Path) -> None:
    defined = []
    for path in sorted(crds.glob("*.yaml")):
        for definition in yaml.load_all(path.read_text(), Loader=Loader):
            if definition and definition["kind"] == "CustomResourceDefinition":
                api.apply(definition)
                defined.append(definition)
    deadline = time.monotonic() + ESTABLISHED_WITHIN
    while not all(_established(api.get(definition)) for definition in defined):
        if time.monotonic() > deadline:
            raise CommandError("the custom resource definitions are not established")
        time.sleep(0.1)


def _established(definition: Document | None) -> bool:
    conditions = (definition or {}).get("status", {}).get("conditions", [])
    return any(found["type"] == "Established" and found["status"] == "True" for found in conditions)


def _namespace(api: Api) -> None:
    """As the overlays make it: pods must be restricted."""
    (document,) = yaml.safe_load_all((ROOT / "deploy/gitops/prod/namespace.yaml").read_text())
    api.apply(document)


def _refused_second_scaler(api: Api, objects: list[Document]) -> None:
    scaler = next(found for found in objects if found["kind"] == "ScaledObject")
    second = copy.deepcopy(scaler)
    second["metadata"]["name"] += "-again"
    try:
        api.would_create(second)
    except Refused as refused:
        if "already managed" in str(refused):
            return
        raise CommandError(f"a second scaler is refused for another reason: {refused}") from None
    raise CommandError("a second scaler on one Deployment is admitted: KEDA's webhook is not asked")


def _life(api: Api, program: Path, environment: str) -> str:
    """Install N−1, upgrade to N, apply N again, roll back, remove."""
    to = ("--namespace", NAMESPACE, "--kubeconfig", str(api.kubeconfig))
    chart, values = str(ROOT / CHART), value_files(environment)
    with tempfile.TemporaryDirectory() as folder:
        before = _release_before(Path(folder))
        older = (*value_files(environment, before), "--set", f"image.digest={OLD_DIGEST}")
        helm(program, "install", RELEASE, str(before), *older, *to)
    first = _manifest(program, to)
    _expect(not _has(first, NEW_AGENT), f"release N-1 has {NEW_AGENT} already")

    helm(program, "upgrade", RELEASE, chart, *values, *to)
    second = _manifest(program, to)
    _expect(_has(second, NEW_AGENT), f"the upgrade did not bring {NEW_AGENT}")
    versions = _versions(api, second)
    _refused_second_scaler(api, second)

    helm(program, "upgrade", RELEASE, chart, *values, *to)
    changed = [name for name, version in _versions(api, second).items() if versions[name] != version]
    _expect(not changed, f"applying the same again changed {', '.join(changed)}")

    helm(program, "rollback", RELEASE, "1", *to)
    known = {_key(found) for found in first}
    gone = [found for found in second if _key(found) not in known]
    left = [_key(found) for found in gone if api.get(found) is not None]
    _expect(not left, f"the rollback left {left}")
    for deployment in (found for found in first if found["kind"] == "Deployment"):
        image = (api.get(deployment) or {})["spec"]["template"]["spec"]["containers"][0]["image"]
        _expect(
            image.endswith(OLD_DIGEST), f"after the rollback {deployment['metadata']['name']} runs {image}"
        )

    helm(program, "uninstall", RELEASE, *to)
    left = [_key(found) for found in first if api.get(found) is not None]
    _expect(not left, f"removing the release left {left}")
    return f"{len(first)} objects installed, {len(second)} after the upgrade, none changed by the next, {len(gone)} gone by rollback"


def _release_before(folder: Path) -> Path:
    """The chart one version ago: without one agent, whose list it has in its own values."""
    before = folder / "agents"
    shutil.copytree(ROOT / CHART, before)
    for name, old, new in (
        ("Chart.yaml", "version: 0.1.0", "version: 0.0.9"),
        ("values.yaml", f"  - name: {NEW_AGENT}\n", ""),
        ("examples/azure.yaml", f"  {NEW_AGENT}: 55555555-5555-4555-8555-555555555555\n", ""),
    ):
        path = before / name
        path.write_text(path.read_text().replace(old, new))
    return before


def _manifest(program: Path, to: Iterable[str]) -> list[Document]:
    """What Helm says the release consists of, each with its namespace."""
    found = documents(helm(program, "get", "manifest", RELEASE, *to))
    for document in found:
        document["metadata"]["namespace"] = NAMESPACE
    return found


def _versions(api: Api, objects: list[Document]) -> dict[str, str]:
    found = {}
    for document in objects:
        live = api.get(document)
        _expect(live is not None, f"{_key(document)} is not on the server")
        found[_key(document)] = (live or {})["metadata"]["resourceVersion"]
    return found


def _has(objects: list[Document], agent: str) -> bool:
    return any(found["metadata"]["name"] == agent for found in objects)


def _key(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise CommandError(otherwise)
