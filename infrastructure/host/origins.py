"""Origins of web pages, as browsers write them into the Origin header: scheme://host[:port] (RFC 6454, 6.2)."""

from __future__ import annotations

import re
from ipaddress import ip_address

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]+))?")
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_OWN_PORT = {"http": "80", "https": "443"}


def read_origins(text: str) -> str:
    """`text` without blanks; ValueError says which one is wrong, by its place: it may hold a password."""
    origins = [part.strip() for part in text.split(",")]
    for number, origin in enumerate(origins, 1):
        if why := _fault(origin):
            raise ValueError(
                "must be the origins of web pages as browsers send them, https://name or with a port, in lower case and "
                "without a path; several by commas. There is no *: name those that you trust. "
                f"Number {number} {why}"
            )
    return ",".join(origins)


def _fault(origin: str) -> str | None:
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return "is not scheme://host or scheme://host:port"
    scheme, host, port = found.groups()
    if not _is_host(host):
        return "has a host that is neither a name nor an address"
    if port is None:
        return None
    if port == _OWN_PORT[scheme]:
        return f"names the port {port}, which browsers leave out with {scheme}: leave it out"
    if port.startswith("0") or len(port) > 5 or int(port) > 65_535:
        return "has a port that is none: 1 to 65535, without a leading 0"
    return None


def _is_host(host: str) -> bool:
    try:
        return str(ip_address(host.strip("[]"))) == host.strip("[]") and (":" in host) == host.startswith("[")
    except ValueError:
        return _NAME.fullmatch(host) is not None
