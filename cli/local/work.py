"""How every agent keeps up: the work that waits for it, and what was delivered to it once more than needed."""

import re
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

from cli.local.service import Role
from cli.local.supervised import State

PATIENCE = 0.5
_DUPLICATES = re.compile(r"^agents_duplicates_total(?:\{[^}]*\})? (\S+)", re.MULTILINE)


def work_by_agent(
    services: list[dict[str, Any]], backlog: list[dict[str, Any]], headers: Mapping[str, str]
) -> list[dict[str, Any]]:
    """From what the supervisor and Redis told. `redeliveries` count from the start of each replica; None: none tells.

    `headers` say to the replicas who asks.
    """
    apps = [one for one in services if one["role"] == Role.APP]
    with ThreadPoolExecutor(max_workers=max(len(apps), 1)) as pool:
        counts = list(
            pool.map(
                lambda one: duplicates(one["address"], headers) if one["state"] == State.READY else None, apps
            )
        )
    found = []
    for agent in dict.fromkeys(one["agent"] for one in apps):
        entries = [entry for entry in backlog if entry["agent"] == agent]
        told = [
            count
            for one, count in zip(apps, counts, strict=True)
            if one["agent"] == agent and count is not None
        ]
        oldest = [entry["oldest_s"] for entry in entries if entry["oldest_s"] is not None]
        found.append(
            {
                "agent": agent,
                "replicas": sum(one["agent"] == agent for one in apps),
                "waiting": sum(entry["waiting"] for entry in entries),
                "in_work": sum(entry["pending"] for entry in entries),
                "oldest_s": max(oldest, default=None),
                "redeliveries": sum(told) if told else None,
            }
        )
    return found


def duplicates(address: str, headers: Mapping[str, str]) -> int | None:
    """Deliveries of work that was known already, as a replica counts them in its metrics."""
    # The agents are on this machine: no proxy of the environment is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(f"{address}/metrics", headers=dict(headers))  # noqa: S310  # our own
        with opener.open(request, timeout=PATIENCE) as answer:
            text = answer.read().decode(errors="replace")
        return round(sum(float(count) for count in _DUPLICATES.findall(text)))
    except (OSError, HTTPException, ValueError):
        return None
