"""The programs that the proofs need, each built once from pinned Go modules into the user's cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.local.provision.cache import Cache
from cli.local.provision.progress import Step
from cli.local.provision.toolchain import build, find_go

PINS = Path(__file__).with_name("pins")
GO = (1, 26, 0)
"""What Kubernetes' modules ask for."""


@dataclass(frozen=True)
class Tool:
    """`stamps` are variables that the linker sets. `seconds`: a build on two cores with nothing there yet."""

    name: str
    version: str
    package: str
    seconds: float
    stamps: Mapping[str, str]
    tags: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        stamps = "-ldflags=" + " ".join(["-s -w", *(f"-X {k}={v}" for k, v in self.stamps.items())])
        return (stamps, f"-tags={','.join(self.tags)}") if self.tags else (stamps,)

    @property
    def pins(self) -> Path:
        return PINS / self.name


def _kubernetes(version: str) -> dict[str, str]:
    # The API server derives the API versions that it serves from its own: unstamped it serves none.
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return {f"{package}.{name}": value for package in packages for name, value in values.items()}


HELM = Tool(
    "helm",
    "v4.3.1",
    "helm.sh/helm/v4/cmd/helm",
    120,
    {"helm.sh/helm/v4/internal/version.version": "v4.3.1"},
)
KUBECONFORM = Tool("kubeconform", "v0.8.0", "github.com/yannh/kubeconform/cmd/kubeconform", 20, {})
KUSTOMIZE = Tool("kustomize", "v5.7.1", "sigs.k8s.io/kustomize/kustomize/v5", 40, {})
PROMTOOL = Tool(
    "promtool",
    "v0.314.0",
    "github.com/prometheus/prometheus/cmd/promtool",
    90,
    {},
    # Prometheus without the clients of thirty clouds that it finds targets in.
    tags=("remove_all_sd",),
)
KUBE_APISERVER = Tool(
    "kube-apiserver", "v1.36.3", "k8s.io/kubernetes/cmd/kube-apiserver", 240, _kubernetes("v1.36.3")
)
ETCD = Tool("etcd", "v3.6.16", ".", 40, {})
INJECTOR = Tool("dapr-injector", "v1.16.0", ".", 60, {})
KEDA = Tool("keda", "v2.21.0", "github.com/kedacore/keda/v2/cmd/webhooks", 120, {})


async def provide(tool: Tool, cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    """The program, built when it is not there yet."""
    pins = (tool.pins / "go.mod").read_bytes() + (tool.pins / "go.sum").read_bytes()
    folder = cache.folder(f"{tool.name}-{tool.version}", pins, *tool.flags)
    program = folder / tool.name
    if folder.exists():
        step.done(f"built earlier, {folder}")
        return program
    async with cache.making(folder, step.says) as draft:
        if draft is not None:
            cache.need_space(4, f"building {tool.name}")
            await build(
                await find_go(cache, env, step, GO),
                tool.pins,
                [tool.package],
                draft / tool.name,
                flags=tool.flags,
                log=cache.log(tool.name),
                title=f"building {tool.name}",
                step=step,
                extra_env={"CGO_ENABLED": "0"},
            )
    step.done(f"built, {folder}")
    return program
