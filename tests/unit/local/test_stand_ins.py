"""Which components a start runs on, and which stand-ins they need."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.components import manifest, note, noted
from cli.local.instance import Instance
from cli.local.platform import plan
from cli.local.resources import read_resources, write_shifted
from cli.local.stand_ins import StandIn, stand_ins

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "components" / "azure-stand-ins"


def test_usually_it_is_redis() -> None:
    assert manifest(ROOT, "dapr.yaml", "redis") == ROOT / "dapr.yaml"


def test_others_have_a_manifest_of_their_own() -> None:
    assert manifest(ROOT, "dapr.yaml", "azure-stand-ins") == ROOT / "dapr.azure-stand-ins.yaml"


def test_a_name_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(CommandError) as error:
        manifest(ROOT, "dapr.yaml", "azure-standins")
    assert (error.value.message, error.value.hint) == (
        "AGENTS_COMPONENTS is 'azure-standins': there are no such components",
        "did you mean azure-stand-ins?",
    )


def test_components_of_a_cluster_are_no_choice_here() -> None:
    with pytest.raises(CommandError, match="components/azure is for a cluster") as error:
        manifest(ROOT, "dapr.yaml", "azure")
    assert error.value.hint == "here: azure-stand-ins, postgres, redis; see docs/azure.md"


def test_what_was_started_is_noted_for_later_commands(tmp_path: Path) -> None:
    assert noted(tmp_path) == {}
    note(tmp_path, {"AGENTS_COMPONENTS": "azure-stand-ins"})
    assert noted(tmp_path) == {"AGENTS_COMPONENTS": "azure-stand-ins"}


def test_the_shipped_components_need_both_stand_ins() -> None:
    assert stand_ins(read_resources(FOLDER), 1000) == [
        StandIn("service-bus", "127.0.0.1:4900", FOLDER / "servicebus.json"),
        StandIn("cosmos", "127.0.0.1:4902", FOLDER / "cosmos.json"),
    ]


def test_azure_itself_needs_none() -> None:
    assert stand_ins(read_resources(ROOT / "components" / "azure"), 0) == []


def test_a_shifted_copy_names_the_shifted_stand_ins(tmp_path: Path) -> None:
    write_shifted(FOLDER, tmp_path, 1000)
    for name in ("servicebus.json", "cosmos.json"):
        shutil.copy(FOLDER / name, tmp_path)
    assert [one.address for one in stand_ins(read_resources(tmp_path), 0)] == [
        "127.0.0.1:4900",
        "127.0.0.1:4902",
    ]
    text = (tmp_path / "pubsub.yaml").read_text()
    assert "SharedAccessKeyName=RootManageSharedAccessKey" in text
    assert "UseDevelopmentEmulator=true" in text


def test_a_connection_string_without_an_address_is_named_with_file_and_form(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "pubsub.yaml"
    file.write_text(file.read_text().replace("Endpoint=sb://127.0.0.1:3900;", ""))
    with pytest.raises(
        CommandError, match=r"pubsub\.yaml: connectionString of agents-pubsub names no"
    ) as error:
        stand_ins(read_resources(tmp_path), 0)
    assert error.value.hint is not None
    assert "Endpoint=sb://HOST" in error.value.hint


def test_a_missing_description_is_named_with_the_cure(tmp_path: Path) -> None:
    for name in ("pubsub.yaml", "statestore.yaml"):
        shutil.copy(FOLDER / name, tmp_path)
    with pytest.raises(CommandError, match=r"servicebus\.json is missing") as error:
        stand_ins(read_resources(tmp_path), 0)
    assert error.value.hint == "`python -m cli.documents` writes it"


def test_a_start_on_the_stand_ins_has_no_redis_and_keeps_its_ports_apart(tmp_path: Path) -> None:
    environment = {"AGENTS_COMPONENTS": "azure-stand-ins"}
    platform = plan(Instance(ROOT, tmp_path, 0, environment))
    assert platform.redis is None
    assert {"service-bus", "cosmos"} <= platform.parts.keys()


def test_the_same_is_set_for_azure_and_for_its_stand_ins() -> None:
    """But for where it is, and who one is."""
    own = {
        "connectionString",
        "namespaceName",
        "url",
        "masterKey",
        "database",
        "collection",
        "vaultName",
        "prefix",
    }
    kinds = [
        {
            one.name: {key: value for key, value in one.metadata.items() if key not in own}
            for one in read_resources(ROOT / "components" / folder)
            if one.kind == "Component"
        }
        for folder in ("azure", "azure-stand-ins")
    ]
    assert kinds[0] == kinds[1]


def test_no_key_is_in_the_components_for_azure() -> None:
    for one in read_resources(ROOT / "components" / "azure"):
        assert not {"connectionString", "masterKey", "azureClientSecret"} & one.metadata.keys()
