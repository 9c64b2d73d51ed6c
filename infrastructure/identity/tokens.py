"""Bearer tokens of an OpenID Connect issuer: signed by a key that it publishes, for this audience, and not out of date.

What a token's header says of keys (`jku`, `x5u`, `jwk`, `x5c`) is ignored; its `kid` is looked up among the issuer's keys and
used for nothing else.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import jwt
from pydantic_core import from_json

from infrastructure.identity.caller import Caller, Refused
from infrastructure.identity.issuer import Issuer
from infrastructure.identity.jwks import ALGORITHMS
from infrastructure.identity.roles import Role, permissions_of

LEEWAY = 30
"""Seconds by which the issuer's clock and ours may differ."""
LONGEST = 16 * 1024
"""Characters of a token. Entra ID's are about 2,000."""
REMEMBERED = 4096
"""Tokens that are known to be right until they expire, by their hash."""
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SUBJECT = 200
"""Characters of a subject."""
_ROLES = {role.value: role for role in Role}

_GET_ANOTHER = "get a new one from the issuer"
_WHY: Final[Mapping[type[jwt.PyJWTError], str]] = {
    jwt.ExpiredSignatureError: f"the token has expired: {_GET_ANOTHER}",
    jwt.ImmatureSignatureError: "the token is not valid yet: compare the clocks of the issuer and of this machine",
    jwt.InvalidAudienceError: "the token is for another audience: ask the issuer for one for AGENTS_OIDC_AUDIENCE",
    jwt.InvalidIssuerError: "the token is from another issuer: ask that of AGENTS_OIDC_ISSUER for one",
    jwt.InvalidSignatureError: f"the token's signature is wrong: {_GET_ANOTHER}",
    jwt.InvalidAlgorithmError: "the token's algorithm is not its key's: " + _GET_ANOTHER,
}
_BROKEN = f"this is no token that can be read: {_GET_ANOTHER}"


class Tokens:
    """`audiences` are accepted; the claims `subject_claim` and `roles_claim` say who it is. `now` is in seconds since 1970."""

    def __init__(
        self,
        issuer: Issuer,
        audiences: tuple[str, ...],
        *,
        subject_claim: str = "sub",
        roles_claim: str = "roles",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._subject_claim = subject_claim
        self._roles_claim = roles_claim
        self._required = ["exp", "iss", "aud", subject_claim]
        self._now = now
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()
        self._known_by = issuer.generation

    async def caller(self, token: str) -> Caller:
        """Who shows this token.

        Raises:
            Refused: it proves nothing.
            Unavailable: the issuer's keys are not known, and it does not answer.

        """
        if len(token) > LONGEST:
            raise Refused(f"the token is longer than {LONGEST} characters: ask the issuer for fewer claims")
        digest = sha256(token.encode()).digest()
        self._forget_what_rotated()
        if known := self._known.get(digest):
            caller, until = known
            if self._now() < until:
                return caller
            del self._known[digest]
        claims = await self._claims(token)
        try:
            caller, until = self._caller(claims), float(claims["exp"]) + LEEWAY
        except (ValueError, OverflowError):  # as half a surrogate pair, or a year that no clock knows
            raise Refused(_BROKEN) from None
        self._forget_what_rotated()  # the issuer may just have been asked
        self._known[digest] = (caller, until)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return caller

    async def follow(self) -> None:
        await self._issuer.follow()

    async def check(self) -> str | None:
        return await self._issuer.check()

    def _forget_what_rotated(self) -> None:
        """Whenever the issuer's keys change: one may have been taken back."""
        if self._known_by != self._issuer.generation:
            self._known.clear()
            self._known_by = self._issuer.generation

    async def _claims(self, token: str) -> dict[str, Any]:
        if not _FORM.fullmatch(token):
            raise Refused("this is neither a token, of three parts with dots between, nor an API key")
        header = _header(token)
        kid, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in ALGORITHMS:
            raise Refused(f"the token's algorithm is not accepted: use one of {', '.join(ALGORITHMS)}")
        if not isinstance(kid, str):
            raise Refused("the token does not name its key (kid): use an issuer that does")
        key = await self._issuer.key(kid)
        try:
            return jwt.decode(
                token,
                key.public,
                algorithms=key.algorithms,
                audience=self._audiences,
                issuer=self._issuer.url,
                leeway=LEEWAY,
                options={"require": self._required, "enforce_minimum_key_length": True},
            )
        except jwt.MissingRequiredClaimError as error:
            raise Refused(f"the token lacks the claim {error.claim}: {_GET_ANOTHER}") from None
        except jwt.PyJWTError as error:
            raise Refused(_WHY.get(type(error), _BROKEN)) from None
        except (ValueError, OverflowError, RecursionError):  # claims that even the issuer should not make
            raise Refused(_BROKEN) from None

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        subject = claims[self._subject_claim]
        if not (isinstance(subject, str) and 0 < len(subject) <= _SUBJECT):
            raise Refused(f"the token's subject is no text of 1 to {_SUBJECT} characters: use another issuer")
        given = claims.get(self._roles_claim)
        # A text is no list of roles: "Agents.Admin" is not even looked into.
        named = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
        roles = tuple(_ROLES[one] for one in dict.fromkeys(named) if one in _ROLES)
        return Caller(f"subjects/{quote(subject, safe='')}", roles, permissions_of(roles))


def _header(token: str) -> dict[str, Any]:
    """What it says of its key, not believed. Read here: PyJWT decodes the whole token for it, a second time."""
    encoded = token.partition(".")[0]
    try:
        header = from_json(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        raise Refused(_BROKEN) from None
    if not isinstance(header, dict):
        raise Refused(_BROKEN)
    return header
