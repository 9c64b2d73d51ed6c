"""Shared access signatures, as Service Bus checks them (learn.microsoft.com/azure/service-bus-messaging/service-bus-sas)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus, urlsplit

KEY_NAME, KEY = "RootManageSharedAccessKey", "c3RhbmQtaW4gZm9yIHRlc3RzLCBubyBzZWNyZXQ="
"""Known to all, as those of Microsoft's own emulators are: what they open is on loopback and keeps nothing."""


@dataclass(frozen=True)
class Claim:
    """The entity that a token opens, in lower case, and until when (seconds since 1970)."""

    entity: str
    expiry: float


def checked(token: str, audience: str) -> Claim | None:
    """What a client may do by this token for this audience; None when it is not ours, expired, or for something else."""
    fields = dict(parse_qsl(token.removeprefix("SharedAccessSignature "), keep_blank_values=True))
    raw = dict(part.partition("=")[::2] for part in token.removeprefix("SharedAccessSignature ").split("&"))
    if not {"sr", "sig", "se", "skn"} <= fields.keys() or not fields["se"].isdecimal():
        return None
    text = f"{raw['sr']}\n{fields['se']}".encode()
    wanted = base64.b64encode(hmac.digest(KEY.encode(), text, hashlib.sha256)).decode()
    resource = _path(unquote_plus(raw["sr"]))
    if (
        fields["skn"] != KEY_NAME
        or not hmac.compare_digest(fields["sig"].replace(" ", "+"), wanted)
        or float(fields["se"]) <= time.time()
        or not covers(resource, _path(audience))
    ):
        return None
    return Claim(_path(audience), float(fields["se"]))


def covers(resource: str, entity: str) -> bool:
    """The namespace covers all of it, a topic its subscriptions."""
    return resource in {"", entity} or entity.startswith(resource + "/")


def _path(uri: str) -> str:
    return urlsplit(uri).path.strip("/").lower()
