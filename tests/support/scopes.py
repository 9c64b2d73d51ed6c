"""Components for a sidecar on a laptop with the limits that the Helm chart sets: topics by agent, API, invocation.

Read from what the chart is made of, and not by helm: what it renders, `deploy/tests/test_components.py` holds to the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "agents"
_BEGIN, _END = "  accessControl:", "{{- end }}"


def topic_scopes() -> dict[str, str]:
    """`publishingScopes` and `subscriptionScopes` in Dapr's form, `agent=topic,topic;agent=…`."""
    agents = yaml.safe_load((CHART / "files" / "declared.yaml").read_text())["agents"]
    return {
        name: ";".join(f"{agent}={','.join(declared[key])}" for agent, declared in agents.items())
        for name, key in (("publishingScopes", "publishes"), ("subscriptionScopes", "subscribes"))
    }


def sidecar_limits() -> dict[str, Any]:
    """What the chart adds to the sidecars' Configuration: access control, API, secrets."""
    template = (CHART / "templates" / "components.yaml").read_text()
    lines = template[template.index(_BEGIN) :]
    limits: dict[str, Any] = yaml.safe_load(lines[: lines.index(_END)])
    return limits


def components(folder: Path, *, limited: bool, password: str) -> Path:
    """Those of Redis with its password, as the chart gives them; in `folder`, which is made."""
    folder.mkdir(parents=True)
    for file in (CHART / "files" / "components" / "redis").glob("*.yaml"):
        document = yaml.safe_load(file.read_text())
        if document["kind"] == "Configuration":
            document["spec"] |= sidecar_limits() if limited else {}
        elif document["spec"]["type"].endswith(".redis"):
            is_pubsub = document["spec"]["type"].startswith("pubsub.")
            added = {"redisPassword": password} | (topic_scopes() if limited and is_pubsub else {})
            document["spec"]["metadata"] += [{"name": name, "value": value} for name, value in added.items()]
        (folder / file.name).write_text(yaml.safe_dump(document))
    return folder
