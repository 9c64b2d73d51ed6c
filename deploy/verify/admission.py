"""Pods as they come to be in a cluster, and whether the API server admits them."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

from cli.errors import CommandError
from deploy.verify.chart import NAMESPACE, Document
from deploy.verify.cluster import Api, Refused


def pods_of(objects: list[Document]) -> list[Document]:
    """One of every Deployment: the pod-security standard speaks about pods alone."""
    pods = []
    for deployment in objects:
        if deployment["kind"] == "Deployment":
            made = deployment["spec"]["template"]
            metadata = {**made["metadata"], "name": deployment["metadata"]["name"], "namespace": NAMESPACE}
            pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": made["spec"]})
    return pods


def injected(injector: Path, pod: Document, *, drop_capabilities: bool = True) -> Document:
    """As Dapr makes it; `drop_capabilities` is the one setting of its chart that *restricted* asks for."""
    made = subprocess.run(
        [injector],
        input=json.dumps(pod),
        capture_output=True,
        text=True,
        check=False,
        env={"SIDECAR_DROP_ALL_CAPABILITIES": str(drop_capabilities).lower()},
    )
    if made.returncode != 0:
        raise CommandError(f"Dapr's injector refuses {pod['metadata']['name']}: {made.stderr.strip()}")
    with_sidecar: Document = {"apiVersion": "v1", "kind": "Pod", **json.loads(made.stdout)}
    names = [container["name"] for container in with_sidecar["spec"]["containers"]]
    if names != ["agent", "daprd"]:
        raise CommandError(f"the pod of {pod['metadata']['name']} has the containers {names}")
    return with_sidecar


def admit(api: Api, pods: list[Document]) -> None:
    for pod in pods:
        try:
            api.would_create(pod)
        except Refused as refused:
            raise CommandError(f"the pod of {pod['metadata']['name']} is not admitted: {refused}") from None


def refuse_privileges(api: Api, injector: Path, pod: Document) -> None:
    """That admission looks at all: neither the pod with a privilege more nor a sidecar with its capabilities passes."""
    privileged = copy.deepcopy(pod)
    privileged["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    _refuse(api, privileged, "a pod with a privilege more")
    _refuse(api, injected(injector, pod, drop_capabilities=False), "a sidecar with all capabilities")


def _refuse(api: Api, pod: Document, what: str) -> None:
    try:
        api.would_create(pod)
    except Refused as refused:
        if "violates PodSecurity" in str(refused):
            return
        raise CommandError(f"{what} is refused for another reason: {refused}") from None
    raise CommandError(f"{what} is admitted: the pod-security standard is not enforced")
