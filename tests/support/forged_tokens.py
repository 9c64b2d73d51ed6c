"""Every way of forging a token that we know of, and the reason that is given for refusing it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from infrastructure.identity.tokens import LEEWAY, LONGEST
from tests.support.issuer import AUDIENCE, LocalIssuer, part, public_jwk, public_pem, rsa_key

STRANGER = rsa_key(1)


def unsigned(issuer: LocalIssuer, algorithm: str) -> str:
    return f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(issuer.claims('Agents.Admin'))}."


def by_hmac(issuer: LocalIssuer, secret: bytes, algorithm: str = "HS256") -> str:
    signed = f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(issuer.claims('Agents.Admin'))}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def by_stranger(issuer: LocalIssuer, **header: Any) -> str:
    """Signed by a key of somebody else's, under the name of the issuer's."""
    issuer.keys["mine"] = STRANGER
    token = issuer.token("Agents.Admin", kid="mine", header={"kid": "rsa", **header})
    del issuer.keys["mine"]
    return token


def changed(token: str, place: int, value: Any) -> str:
    parts = token.split(".")
    parts[place] = part(value)
    return ".".join(parts)


def flipped(token: str) -> str:
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    return f"{head}.{part(bytes(raw))}"


def by_number(issuer: LocalIssuer) -> str:
    """PyJWT makes no such token: it wants a text for `sub`."""
    head = part({"alg": "RS256", "kid": "rsa"})
    signed = f"{head}.{part(issuer.claims('Agents.Admin') | {'sub': 7})}"
    key = issuer.keys["rsa"]
    return f"{signed}.{part(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def soon(seconds: int) -> int:
    """From when the test runs: its file was read long before."""
    return int(time.time()) + seconds


FORGED: dict[str, tuple[Callable[[LocalIssuer], str], str]] = {
    "no signature, alg none": (lambda it: unsigned(it, "none"), "neither a token"),
    "no signature, alg nOnE": (lambda it: unsigned(it, "nOnE"), "neither a token"),
    "alg none with a signature": (lambda it: unsigned(it, "none") + "AAAA", "algorithm is not accepted"),
    "no signature, alg RS256": (lambda it: unsigned(it, "RS256"), "neither a token"),
    "alg empty": (lambda it: unsigned(it, "") + "AAAA", "algorithm is not accepted"),
    "HS256 with the public key as PEM": (lambda it: by_hmac(it, public_pem(it.keys["rsa"])), "algorithm is not accepted"),
    "HS256 with the public key as JWK": (lambda it: by_hmac(it, json.dumps(public_jwk("rsa", it.keys["rsa"])).encode()), "algorithm is not accepted"),
    "HS256 with an empty key": (lambda it: by_hmac(it, b""), "algorithm is not accepted"),
    "an HMAC that calls itself RS256": (lambda it: by_hmac(it, public_pem(it.keys["rsa"]), "RS256"), "signature is wrong"),
    "the kid of a key of another kind": (lambda it: it.token("Agents.Admin", header={"kid": "ec"}), "algorithm is not its key's"),
    "another's key under a known kid": (by_stranger, "signature is wrong"),
    "a flipped bit in the signature": (lambda it: flipped(it.token("Agents.Viewer")), "signature is wrong"),
    "roles added after signing": (lambda it: changed(it.token(), 1, it.claims("Agents.Admin")), "signature is wrong"),
    "another header after signing": (lambda it: changed(it.token(), 0, {"alg": "RS256", "kid": "rsa", "x": 1}), "signature is wrong"),
    "an unknown kid": (lambda it: it.token(header={"kid": "nobody"}), "does not publish"),
    "no kid": (lambda it: f"{part({'alg': 'RS256'})}.{part(it.claims())}.AAAA", "does not name its key"),
    "a kid that is no text": (lambda it: f"{part({'alg': 'RS256', 'kid': {'a': 1}})}.{part(it.claims())}.AAAA", "does not name its key"),
    "a kid that is a path": (lambda it: it.token(header={"kid": "../../../../dev/null"}), "does not publish"),
    "a kid that is an address": (lambda it: it.token(header={"kid": f"http://127.0.0.1:{it.port}/evil"}), "does not publish"),
    "a kid that is a file": (lambda it: it.token(header={"kid": "file:///etc/hostname"}), "does not publish"),
    "a kid that is SQL": (lambda it: it.token(header={"kid": "x' UNION SELECT 'key"}), "does not publish"),
    "a kid with a NUL": (lambda it: it.token(header={"kid": "rsa\0"}), "does not publish"),
    "a kid of 10,000 characters": (lambda it: it.token(header={"kid": "k" * 10_000}), "does not publish"),
    "jku to another's keys": (lambda it: by_stranger(it, jku=f"http://127.0.0.1:{it.port}/evil"), "signature is wrong"),
    "x5u to another's certificate": (lambda it: by_stranger(it, x5u=f"http://127.0.0.1:{it.port}/evil"), "signature is wrong"),
    "a jwk of its own": (lambda it: by_stranger(it, jwk=public_jwk("rsa", STRANGER)), "signature is wrong"),
    "a critical extension": (lambda it: it.token(header={"crit": ["exp"], "exp": 1}), "no token that can be read"),
    "an unencoded payload (b64)": (lambda it: f"{part({'alg': 'RS256', 'kid': 'rsa', 'b64': False, 'crit': ['b64']})}.{part(it.claims())}.AAAA", "no token that can be read"),
    "another audience": (lambda it: it.token(aud="api://others"), "another audience"),
    "audiences without ours": (lambda it: it.token(aud=["api://others", "x"]), "another audience"),
    "our audience with another ending": (lambda it: it.token(aud=AUDIENCE + "/"), "another audience"),
    "no audience": (lambda it: it.token(aud=None), "lacks the claim aud"),
    "another issuer": (lambda it: it.token(iss="https://evil.example/v2.0"), "another issuer"),
    "our issuer with a slash more": (lambda it: it.token(iss=it.url + "/"), "another issuer"),
    "no issuer": (lambda it: it.token(iss=None), "lacks the claim iss"),
    "expired": (lambda it: it.token(exp=soon(-LEEWAY - 5)), "has expired"),
    "no expiry": (lambda it: it.token(exp=None), "lacks the claim exp"),
    "an expiry that is no number": (lambda it: it.token(exp="tomorrow"), "no token that can be read"),
    "an expiry without end": (lambda it: it.token(exp=float("inf")), "no token that can be read"),
    "an expiry beyond all numbers": (lambda it: it.token(exp=10**400), "no token that can be read"),
    "not valid yet": (lambda it: it.token(nbf=soon(LEEWAY + 3600)), "not valid yet"),
    "issued in the future": (lambda it: it.token(iat=soon(LEEWAY + 3600)), "not valid yet"),
    "no subject": (lambda it: it.token(sub=None), "lacks the claim sub"),
    "an empty subject": (lambda it: it.token(sub=""), "subject is no text"),
    "a subject that is a number": (by_number, "no token that can be read"),
    "a subject of 10,000 characters": (lambda it: it.token(sub="s" * 10_000), "subject is no text"),
    "a subject that is half a character": (lambda it: it.token(sub="\ud800"), "no token that can be read"),
    "a huge token": (lambda it: it.token(padding="x" * LONGEST), "longer than"),
    "a header nested 3,000 deep": (lambda _: f"{part(b'[' * 3000 + b']' * 3000)}.AAAA.AAAA", "no token that can be read"),
    "a header that is a list": (lambda _: f"{part([])}.AAAA.AAAA", "no token that can be read"),
    "a header that is no JSON": (lambda _: f"{part(b'{')}.AAAA.AAAA", "no token that can be read"),
    "a payload that is no JSON": (lambda it: f"{part({'alg': 'RS256', 'kid': 'rsa'})}.AAAA.AAAA", "signature is wrong"),
    "many dots": (lambda _: "." * 10_000, "neither a token"),
    "five parts, encrypted": (lambda it: it.token() + ".AAAA.AAAA", "neither a token"),
    "two parts": (lambda it: it.token().rpartition(".")[0], "neither a token"),
    "characters that base64url has not": (lambda it: it.token().replace(".", "+.", 1), "neither a token"),
    "padding": (lambda it: it.token() + "==", "neither a token"),
    "a line end": (lambda it: it.token() + "\n", "neither a token"),
    "a letter of another script": (lambda it: it.token() + "ä", "neither a token"),
    "nothing": (lambda _: "", "neither a token"),
}  # fmt: skip
