"""What the Bicep gives out is all that the chart still asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.bicep_outputs import read
from deploy.declared import CHART, ROOT
from deploy.outputs import values_of
from deploy.verify.chart import documents
from deploy.verify.chart import helm as run_helm
from tests.support.deployment import outputs

REDIS = {"components": "redis", "redis": "r.redis.azure.net:10000", "openAi": []}


ONE_REGION = {"openAi": outputs()["openAi"]["value"][:1]}


@pytest.mark.parametrize(
    ("environment", "changes", "models"),
    [
        ("dev", REDIS, None),
        ("staging", {}, "models/azure.yaml"),
        ("prod", {}, "models/azure.yaml"),
        ("prod", ONE_REGION, "models/azure-one-region.yaml"),
    ],
)
def test_with_the_outputs_and_the_models_an_environment_needs_nothing_more(
    helm: Path, tmp_path: Path, environment: str, changes: dict[str, Any], models: str | None
) -> None:
    found = read(json.dumps(outputs(environmentName=environment, **changes)), "outputs.json")
    file = tmp_path / "azure.yaml"
    file.write_text(yaml.safe_dump(values_of(found, "sha256:" + "7" * 64)))
    chart = str(ROOT / CHART)
    rendered = run_helm(
        helm,
        "template",
        "agents",
        chart,
        "--values",
        f"{chart}/values-{environment}.yaml",
        "--values",
        str(file),
        *([f"--set-file=models={ROOT / models}"] if models else []),
    )
    kinds = [document["kind"] for document in documents(rendered)]
    assert kinds.count("Deployment") == kinds.count("SecretProviderClass") == 5
    pubsub = next(one for one in documents(rendered) if one["metadata"]["name"] == "agents-pubsub")
    metadata = {entry["name"]: entry["value"] for entry in pubsub["spec"]["metadata"]}
    if environment == "dev":
        assert metadata["useEntraID"] == "true"
        assert "ScaledObject" not in kinds
    else:
        assert metadata["namespaceName"] == "sb-agents-prod-abc123.servicebus.windows.net"
        assert kinds.count("ScaledObject") == 5
