"""A real Kubernetes API server on loopback, without nodes: it admits, defaults, validates and keeps; nothing runs."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.errors import CommandError
from cli.local.ports import free_ports

TOKEN = "loopback"  # noqa: S105 - of a server that lives for seconds on loopback
STARTS_WITHIN = 90.0
Document = dict[str, Any]


class Refused(Exception):
    """The server said no; `status` is HTTP's, the message the server's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Api:
    """`kubeconfig` is for programs; the methods are the few requests that the proofs make themselves."""

    address: str
    context: ssl.SSLContext
    kubeconfig: Path
    _kinds: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    def get(self, document: Document) -> Document | None:
        """The object as the server has it, None when it has none."""
        try:
            return self._request("GET", self._path(document))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def apply(self, document: Document) -> Document:
        """Server-side apply."""
        options = "?fieldManager=verify&force=true"
        return self._request(
            "PATCH", self._path(document) + options, document, "application/apply-patch+yaml"
        )

    def would_create(self, document: Document) -> None:
        """All that creating goes through, admission among it; nothing is kept.

        Raises:
            Refused

        """
        collection = self._path(document).rpartition("/")[0]
        self._request("POST", f"{collection}?dryRun=All", document)

    def ready(self) -> bool:
        try:
            self._request("GET", "/readyz?verbose=false")
        except (OSError, Refused, json.JSONDecodeError):
            return False
        return True

    def _path(self, document: Document) -> str:
        version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._kinds:
            for resource in self._request("GET", root)["resources"]:
                if "/" not in resource["name"]:
                    self._kinds[version, resource["kind"]] = (resource["name"], resource["namespaced"])
        plural, namespaced = self._kinds[version, kind]
        inside = f"/namespaces/{metadata['namespace']}" if namespaced else ""
        return f"{root}{inside}/{plural}/{metadata['name']}"

    def _request(
        self, method: str, path: str, body: Document | None = None, content_type: str = "application/json"
    ) -> Document:
        request = urllib.request.Request(  # noqa: S310 - https, on loopback
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type},
        )
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read()
            with contextlib.suppress(ValueError):
                said = json.loads(said)["message"].encode()
            raise Refused(error.code, said.decode(errors="replace")) from None
        answered: Document = json.loads(text) if text.startswith(b"{") else {}
        return answered


@contextlib.contextmanager
def api_server(etcd: Path, kube_apiserver: Path) -> Iterator[Api]:
    """Both processes and all their data are gone afterwards."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        client, peer, secure = free_ports(3)
        etcd_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        stack.enter_context(
            running(
                [
                    etcd,
                    f"--data-dir={folder / 'etcd'}",
                    f"--listen-client-urls={etcd_url}",
                    f"--advertise-client-urls={etcd_url}",
                    f"--listen-peer-urls={peer_url}",
                    f"--initial-advertise-peer-urls={peer_url}",
                    f"--initial-cluster=default={peer_url}",
                    "--unsafe-no-fsync",
                ],
                folder / "etcd.log",
            )
        )
        (folder / "service-accounts.pem").write_bytes(_key())
        (folder / "tokens.csv").write_text(f"{TOKEN},verify,1,system:masters\n")
        server = stack.enter_context(
            running(
                [
                    kube_apiserver,
                    f"--etcd-servers={etcd_url}",
                    "--bind-address=127.0.0.1",
                    "--advertise-address=127.0.0.1",
                    f"--secure-port={secure}",
                    f"--cert-dir={folder / 'certificates'}",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    f"--service-account-key-file={folder / 'service-accounts.pem'}",
                    f"--service-account-signing-key-file={folder / 'service-accounts.pem'}",
                    f"--token-auth-file={folder / 'tokens.csv'}",
                    "--authorization-mode=RBAC",
                    "--service-cluster-ip-range=10.0.0.0/24",
                    # Without controllers nobody makes the accounts' tokens, and pods would wait for them.
                    "--disable-admission-plugins=ServiceAccount",
                    "--endpoint-reconciler-type=none",
                ],
                folder / "kube-apiserver.log",
            )
        )
        yield _connected(folder, f"https://127.0.0.1:{secure}", server)


def _connected(folder: Path, address: str, server: subprocess.Popen[bytes]) -> Api:
    certificate, log = folder / "certificates" / "apiserver.crt", folder / "kube-apiserver.log"
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        if certificate.exists():
            with contextlib.suppress(ssl.SSLError):
                context = ssl.create_default_context(cafile=str(certificate))
                api = Api(address, context, _kubeconfig(folder, address, certificate))
                if api.ready():
                    return api
        time.sleep(0.1)
    raise CommandError(f"the API server did not get ready:\n{log.read_text()[-2000:]}")


def _kubeconfig(folder: Path, address: str, certificate: Path) -> Path:
    path = folder / "kubeconfig"
    cluster = {"server": address, "certificate-authority": str(certificate)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "verify",
        "clusters": [{"name": "verify", "cluster": cluster}],
        "users": [{"name": "verify", "user": {"token": TOKEN}}],
        "contexts": [{"name": "verify", "context": {"cluster": "verify", "user": "verify"}}],
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def running(
    argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process while the block lasts, its output in a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
