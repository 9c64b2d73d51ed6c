"""A server whose certificate has expired yesterday: whoever asks it says so, and what to do."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from tests.support.issuer import rsa_key

ROOT = Path(__file__).parents[2]
ASK = """
import asyncio, sys
from domain.errors import AgentError
from domain.ports.channel import Notification
from infrastructure.channels.webhook import WebhookChannel
from infrastructure.identity.issuer import fetch_json
from infrastructure.llm.clients.factory import model_from
from infrastructure.llm.clients.settings import ModelSettings

async def ask(url):
    settings = ModelSettings(LLM_PROVIDER="openai", OPENAI_BASE_URL=url, OPENAI_MODEL="m", OPENAI_API_KEY="k")
    note = Notification("k", "c", ("a@b",), "s", "b")
    for asked in (fetch_json(url), model_from(settings).check(), WebhookChannel(url).send(note)):
        try:
            await asked
        except AgentError as error:
            print(error.code, error.message)

asyncio.run(ask(sys.argv[1]))
"""


@pytest.fixture
def expired(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its address, and the certificate, which is its own authority."""
    key = rsa_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now - dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", certificate
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_an_expired_certificate_is_told_by_issuer_model_and_webhook(expired: tuple[str, Path]) -> None:
    url, certificate = expired
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(certificate)}
    asked = subprocess.run(
        [sys.executable, "-c", ASK, url], env=env, capture_output=True, text=True, check=False
    )
    issuer, model, webhook = asked.stdout.splitlines()
    assert issuer == (
        f"unavailable the certificate of {url} is not accepted, certificate has expired: renew it, or set SSL_CERT_FILE to the "
        "authority that signed it"
    )
    assert model.startswith("model_unavailable no trusted TLS connection to ")
    assert "certificate has expired" in model
    assert "SSL_CERT_FILE" in model
    assert "its certificate is refused" in webhook
    assert "certificate has expired" in webhook
