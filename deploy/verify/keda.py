"""KEDA's own admission webhook beside the API server: it refuses a second scaler, and triggers that could not work."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_connection

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.errors import CommandError
from cli.local.ports import free_ports
from deploy.verify.cluster import Api, running

STARTS_WITHIN = 60.0


@contextlib.contextmanager
def keda_admission(program: Path, webhooks: Path, api: Api) -> Iterator[None]:
    """`webhooks` is KEDA's own ValidatingWebhookConfiguration; what it cannot ask, the API server refuses."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate = _certificate(folder)
        port, health = free_ports(2)
        flags = [
            f"--port={port}",
            f"--cert-dir={folder}",
            f"--health-probe-bind-address=127.0.0.1:{health}",
            "--metrics-bind-address=0",
        ]
        log = folder / "keda.log"
        with running([program, *flags], log, {**os.environ, "KUBECONFIG": str(api.kubeconfig)}) as process:
            deadline = time.monotonic() + STARTS_WITHIN
            while not _accepts(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise CommandError(f"KEDA's webhook did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            configuration = yaml.safe_load(webhooks.read_text())
            for hook in configuration["webhooks"]:
                path = hook["clientConfig"]["service"]["path"]
                hook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}", "caBundle": certificate}
                hook["failurePolicy"] = "Fail"
            api.apply(configuration)
            yield


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _certificate(folder: Path) -> str:
    """Writes a key and a certificate of 127.0.0.1 that signs itself; returns the latter as base64."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "keda-admission")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "tls.crt").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tls.key").write_bytes(private)
    return base64.b64encode(pem).decode()
