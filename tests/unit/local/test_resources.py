import shutil
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.resources import read_resources, redis_addresses, write_shifted

COMPONENTS = Path(__file__).parents[3] / "components" / "redis"


def test_the_project_s_components_are_right() -> None:
    found = read_resources(COMPONENTS)
    assert {one.name: one.type for one in found if one.kind == "Component"} == {
        "agents-pubsub": "pubsub.redis",
        "agents-statestore": "state.redis",
        "agents-secrets": "secretstores.local.env",
    }
    assert redis_addresses(found) == {"127.0.0.1:6379"}


def test_times_of_the_pubsub_component_are_bare_milliseconds() -> None:
    pubsub = next(one for one in read_resources(COMPONENTS) if one.name == "agents-pubsub")
    assert pubsub.metadata["processingTimeout"] == "3000"
    assert pubsub.metadata["redeliverInterval"] == "1000"


def test_a_shifted_copy_differs_by_the_redis_address_alone(tmp_path: Path) -> None:
    write_shifted(COMPONENTS, tmp_path, 5000)
    assert redis_addresses(read_resources(tmp_path)) == {"127.0.0.1:11379"}
    for before, after in zip(read_resources(COMPONENTS), read_resources(tmp_path), strict=True):
        assert {**before.metadata, "redisHost": ""} == {**after.metadata, "redisHost": ""}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("- 1", "a document is not a mapping"),
        (
            "apiVersion: v1\nkind: Component\nmetadata: {name: x}\nspec: {type: state.redis}",
            "apiVersion is not dapr.io",
        ),
        ("apiVersion: dapr.io/v1alpha1\nkind: Komponent\nmetadata: {name: x}", "unknown kind 'Komponent'"),
        (
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nspec: {type: state.redis}",
            "metadata.name is missing",
        ),
        (
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nspec: {type: redis}",
            "not <group>.<product>",
        ),
    ],
)
def test_a_file_that_daprd_would_skip_is_refused(tmp_path: Path, text: str, told: str) -> None:
    shutil.copytree(COMPONENTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "wrong.yaml").write_text(text)
    with pytest.raises(CommandError) as error:
        read_resources(tmp_path)
    assert str(tmp_path / "wrong.yaml") in error.value.message
    assert told in error.value.message
