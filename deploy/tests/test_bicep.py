"""deploy/bicep against Azure's own types. `make verify-deploy` fetches them and names the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from deploy.declared import ROOT
from deploy.verify.bicep.azure import catalog, undescribed
from deploy.verify.bicep.contracts import Catalog
from deploy.verify.bicep.project import FOLDER, problems
from tests.support.broken_bicep import broken_in


@pytest.fixture(scope="session")
def answers() -> dict[str, object]:
    named = os.environ.get("AGENTS_VERIFY_AZURE_TYPES")
    if named is None:
        pytest.fail("there are no types: `make verify-deploy` fetches them and runs these tests")
    read: dict[str, object] = json.loads(Path(named).read_text())
    return read


@pytest.fixture
def types(answers: dict[str, object]) -> Catalog:
    return catalog(answers)


def test_every_resource_fits_its_type(types: Catalog) -> None:
    assert problems(ROOT / FOLDER, types) == []


def test_these_types_are_not_looked_into(answers: dict[str, object]) -> None:
    """As docs/azure-infrastructure.md says."""
    page = (ROOT / "docs/azure-infrastructure.md").read_text()
    for kind in undescribed(answers):
        assert f"`{kind}`" in page


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("aks", "networkDataplane:", "networkDataPlane:", "did you mean networkDataplane?"),
        (
            "aks",
            "      keda: {\n        enabled: true",
            "      keda: {\n        enabled: 'yes'",
            "bool is needed",
        ),
        ("aks", "oidcIssuerProfile.issuerURL", "oidcIssuerProfile.issuerUrl", "did you mean issuerURL?"),
        ("aks", "managedClusters@2025-05-01", "managedClusters@2025-05-09", "the type data is of 2025-05-01"),
        ("keyvault", "      family: 'A'\n", "", "vault.properties.sku.family is missing"),
        ("keyvault", "name: 'standard'", "name: 'basic'", "'standard' | 'premium' is needed"),
        ("cosmos", "type: 'Continuous'", "type: 'Always'", "has to be one of Continuous, Periodic"),
        ("cosmos", "defaultTtl: -1", "defaultTtl: '-1'", "int | null is needed"),
        ("servicebus", "minimumTlsVersion", "minTlsVersion", "did you mean minimumTlsVersion?"),
        ("topics", "lockDuration", "lockDuratoin", "did you mean lockDuration?"),
        ("agent", "audiences: [", "audience: [", "federated.properties.audiences is missing"),
        (
            "frontdoor",
            "type: 'WebApplicationFirewall'",
            "type: 'Firewall'",
            "has to be one of WebApplicationFirewall",
        ),
        ("budget", "amount: amount", "amount: name", "int is needed"),
        ("../secret", "    value: value\n", "    valeu: value\n", "did you mean value?"),
    ],
)
def test_what_azure_would_not_know_is_named(
    types: Catalog, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    found = broken_in(tmp_path, types)(f"modules/{name}.bicep", old, new)
    assert any(said in each for each in found), found
