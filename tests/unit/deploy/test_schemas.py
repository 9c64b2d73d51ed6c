from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from deploy.verify.schemas import custom_schemas, definitions

DEFINITION = """
kind: CustomResourceDefinition
spec:
  group: example.org
  names: {kind: Tree}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              properties:
                height: {x-kubernetes-int-or-string: true}
                owner: {type: string, nullable: true}
                operator: {type: string, enum: [=, in]}
                properties: {type: object, additionalProperties: {type: string}}
                notes: {type: object, properties: {by: {type: string}}, x-kubernetes-preserve-unknown-fields: true}
---
kind: Service
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    ((path, schema),) = custom_schemas(DEFINITION)
    assert path == "example.org/tree_v1.json"
    return schema


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({"height": 3}, True),
        ({"height": "30%"}, True),
        ({"height": True}, False),
        ({"heigth": 3}, False),
        ({"owner": None}, True),
        ({"operator": "="}, True),
        ({"properties": {"any": "text"}}, True),
        ({"properties": {"any": 1}}, False),
        ({"notes": {"anything": 1}}, True),
    ],
)
def test_a_definition_becomes_a_schema_that_knows_no_further_keys(
    schema: dict[str, Any], spec: dict[str, Any], fits: bool
) -> None:
    tree = {"apiVersion": "example.org/v1", "kind": "Tree", "metadata": {"name": "oak"}, "spec": spec}
    assert jsonschema_rs.is_valid(json.loads(json.dumps(schema)), tree) is fits


def test_what_is_downloaded_is_pinned_by_its_hash() -> None:
    assert {found.module for found in definitions()} == {
        "github.com/dapr/dapr",
        "github.com/kedacore/keda/v2",
        "github.com/prometheus-operator/prometheus-operator",
        "sigs.k8s.io/gateway-api",
        "sigs.k8s.io/secrets-store-csi-driver",
    }
    assert all(found.hash.startswith("h1:") and found.files for found in definitions())
