"""Which addresses may be believed: what comes by http:// from another machine, anybody in between can change."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_safe(url: str) -> bool:
    """An https:// address, or http:// on this machine, without a user or a password in it."""
    try:
        parts = urlsplit(url)
        host, named = parts.hostname, parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not host or not named or "@" in parts.netloc or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, by no more than itself: no resolver is asked."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
