"""An OpenID Connect issuer of our own: a real HTTP server with discovery and keys, which signs whatever it is asked to."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "api://agents"
SUBJECT = "11111111-2222-3333-4444-555555555555"
JWKS = "/keys"
DISCOVERY = "/tenant/v2.0/.well-known/openid-configuration"


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same for the same number: a new one takes a quarter of a second."""
    del number
    return rsa.generate_private_key(65537, bits)


def public_jwk(kid: str, private: Any, **more: Any) -> dict[str, Any]:
    algorithm = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
    kind = next((name for base, name in algorithm.items() if isinstance(private, base)), "EdDSA")
    jwk = jwt.get_algorithm_by_name(kind).to_jwk(private.public_key(), as_dict=True)
    return {
        **{name: value for name, value in jwk.items() if name != "key_ops"},
        "kid": kid,
        "use": "sig",
        **more,
    }


def public_pem(private: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem: bytes = private.public_key().public_bytes(serialization.Encoding.PEM, form)
    return pem


class LocalIssuer:
    """`keys` are those that sign, by kid; all are published, unless `published` says otherwise."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {
            "rsa": rsa_key(),
            "ec": ec.generate_private_key(ec.SECP256R1()),
            "ed": ed25519.Ed25519PrivateKey.generate(),
        }
        self.published: list[dict[str, Any]] | None = None
        self.discovery: dict[str, Any] = {}
        """What discovery says more or otherwise."""
        self.down = False
        self.slow = 0.0
        """Seconds before each answer."""
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/tenant/v2.0"

    @property
    def questions(self) -> int:
        """How often its keys were asked for."""
        return self.asked.count(JWKS)

    def claims(self, *roles: str, **changes: Any) -> dict[str, Any]:
        """Right ones; a change to None leaves a claim out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": SUBJECT,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "roles": [*roles],
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(
        self, *roles: str, kid: str = "rsa", header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        return self.signed(self.claims(*roles, **changes), kid, header=header)

    def signed(
        self, claims: Mapping[str, Any], kid: str = "rsa", *, header: Mapping[str, Any] | None = None
    ) -> str:
        key = self.keys[kid]
        algorithm = {"ec": "ES256", "ed": "EdDSA"}.get(kid, "RS256")
        return jwt.encode(dict(claims), key, algorithm, {"kid": kid, **(header or {})})

    def rotate(self, kid: str) -> None:
        """From now on it signs with a new key alone."""
        self.keys = {kid: rsa_key(len(kid) + 100)}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Any:
        if path == DISCOVERY:
            keys = f"http://127.0.0.1:{self.port}{JWKS}"
            return {"issuer": self.url, "jwks_uri": keys, **self.discovery}
        if path == JWKS:
            made = [public_jwk(kid, key) for kid, key in self.keys.items()]
            return {"keys": made if self.published is None else self.published}
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                time.sleep(issuer.slow)
                answer = None if issuer.down else issuer.answer(self.path)
                if isinstance(answer, str) and answer.startswith("http"):
                    self.send_response(302)
                    self.send_header("Location", answer)
                else:
                    self.send_response(503 if answer is None else 200)
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):  # whoever asked may have heard enough
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler


def part(value: Any) -> str:
    """One of a token's three parts."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def local_issuer() -> Iterator[LocalIssuer]:
    with LocalIssuer() as issuer:
        yield issuer
