"""The keys that an issuer publishes (JWKS, RFC 7517), each with the algorithms that it may be used with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

log = logging.getLogger(__name__)

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_BY_KIND: Final[Mapping[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
ALGORITHMS: Final = (*_RSA, "ES256", "ES384", "ES512", "EdDSA")
"""All are asymmetric: never `none`, and no HS*, whose keys would have to be secret."""
MOST = 100
"""Keys that are looked at."""
_RSA_BITS = range(2048, 8193)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """`public` is one of cryptography's public keys."""

    public: Any
    algorithms: tuple[str, ...]


def read_keys(document: Mapping[str, Any]) -> dict[str, VerificationKey]:
    """The usable ones by their `kid`. Those for other purposes, or that cannot be used, are left out."""
    listed = document.get("keys")
    found: dict[str, VerificationKey] = {}
    for entry in listed[:MOST] if isinstance(listed, list) else []:
        key = _key(entry) if isinstance(entry, dict) else None
        if key is not None and entry["kid"] not in found:
            found[entry["kid"]] = key
    return found


def _key(entry: dict[str, Any]) -> VerificationKey | None:
    kind = entry.get("kty")
    curve = None if kind == "RSA" else str(entry.get("crv"))
    possible = _BY_KIND.get((str(kind), curve), ())
    algorithms = tuple(one for one in possible if entry.get("alg") in (None, one))
    for_signatures = entry.get("use") in (None, "sig") and "d" not in entry
    if not (algorithms and for_signatures and isinstance(entry.get("kid"), str)):
        return None
    try:
        public = jwt.PyJWK(entry, algorithm=algorithms[0]).key
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, OverflowError):
        log.warning("a key of the issuer cannot be read, and is not used", extra={"kid": entry["kid"][:80]})
        return None
    if isinstance(public, RSAPublicKey) and public.key_size not in _RSA_BITS:
        log.warning("a key of the issuer has %d bits, and is not used", public.key_size)
        return None
    return VerificationKey(public, algorithms)
