"""API keys: `agk_<id>_<secret>`, of which only the id and a hash are kept.

The secret is 32 random bytes, so the hash is one plain SHA-256: salts and slow hashes (scrypt, argon2) protect what people
choose from being guessed, and 2^256 possibilities are not guessed at any speed. A slow one would make each request dear.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256

from infrastructure.identity.caller import Caller, Refused
from infrastructure.identity.roles import Role, permissions_of

PREFIX = "agk_"
"""By which scanners of secrets, and our own logs, know a key."""
ID = re.compile(r"[0-9a-f]{12}")
_FORM = re.compile(rf"{PREFIX}({ID.pattern})_[A-Za-z0-9_-]{{43}}")
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key. It is refused from `expires` on (UTC)."""

    id: str
    sha256: bytes
    roles: tuple[Role, ...]
    expires: date | None = None


def new_key() -> tuple[str, str]:
    """An id, and the key that begins with it."""
    key_id = secrets.token_hex(6)
    return key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"


def digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


class Keyring:
    def __init__(
        self, keys: Iterable[Key], today: Callable[[], date] = lambda: datetime.now(UTC).date()
    ) -> None:
        self._keys = {
            key.id: (key, Caller(f"keys/{key.id}", key.roles, permissions_of(key.roles))) for key in keys
        }
        self._today = today

    def caller(self, given: str) -> Caller:
        """Whose key this is. An id that is not there takes as long as a wrong secret.

        Raises:
            Refused: it is nobody's, or not any more.

        """
        form = _FORM.fullmatch(given)
        known = self._keys.get(form[1]) if form else None
        right = hmac.compare_digest(digest(given), known[0].sha256 if known else _NOBODY)
        if known is None or not right:
            raise Refused("the API key is not known here: ask an operator for one, made by `agents keys new`")
        key, caller = known
        if key.expires is not None and self._today() >= key.expires:
            raise Refused(f"the API key {key.id} expired on {key.expires}: ask an operator for a new one")
        return caller
