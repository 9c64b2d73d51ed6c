"""How many sockets and files this process may have open."""

from __future__ import annotations

import resource

WANTED = 4096
"""For connections that say nothing until they are ended, and room for our own. Each costs about 20 KB, so no more than that."""


def allow_enough() -> None:
    """As many as the system lets us have, up to `WANTED`: 1,024 is what many systems begin with, and a thousand idle callers use up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
