"""Documents as Cosmos DB keeps them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cli.local.azure.cosmos.container import Container, ContainerSettings, Refused


@pytest.fixture
def container() -> Container:
    return Container(ContainerSettings(partition_key="/partitionKey", default_ttl=-1))


def document(key: str = "a", **fields: Any) -> dict[str, Any]:
    return {"id": key, "partitionKey": key, **fields}


def status(refusal: pytest.ExceptionInfo[Refused]) -> int:
    return refusal.value.status


def test_an_upsert_creates_and_then_replaces_under_a_new_etag(container: Container) -> None:
    created, first = container.write("a", document(), None, "upsert")
    replaced, second = container.write("a", document(), None, "upsert")
    assert (created, replaced) == (201, 200)
    assert first["_etag"] != second["_etag"]


def test_an_upsert_with_an_etag_creates_what_is_not_there_and_is_refused_else(container: Container) -> None:
    """By this a sidecar creates once: with an ETag that no document can have."""
    assert container.write("a", document(), "0", "upsert")[0] == 201
    with pytest.raises(Refused) as refusal:
        container.write("a", document(), "0", "upsert")
    assert status(refusal) == 412


def test_a_document_is_found_in_its_partition_alone(container: Container) -> None:
    container.write("a", document(), None, "upsert")
    with pytest.raises(Refused) as refusal:
        container.read("b", "a")
    assert status(refusal) == 404


def test_a_partition_that_the_document_does_not_say_is_refused(container: Container) -> None:
    with pytest.raises(Refused, match="PartitionKey extracted from document"):
        container.write("b", document(), None, "upsert")


@pytest.mark.parametrize("key", ["", "a/b", "a#b", "a?b", "a\\b", "x" * 1_024])
def test_an_id_that_cosmos_does_not_take_is_refused(container: Container, key: str) -> None:
    with pytest.raises(Refused) as refusal:
        container.write(key, document(key), None, "upsert")
    assert status(refusal) == 400


def test_two_megabytes_are_the_limit(container: Container) -> None:
    with pytest.raises(Refused) as refusal:
        container.write("a", document(value="x" * 2 * 2**20), None, "upsert")
    assert status(refusal) == 413


@pytest.mark.parametrize(("default", "lives"), [(None, True), (-1, False), (60, False)])
def test_a_document_s_own_time_to_live_counts_where_the_container_has_a_default(
    default: int | None, lives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container(ContainerSettings(partition_key="/partitionKey", default_ttl=default))
    container.write("a", document(ttl=1), None, "upsert")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1.1)
    assert len(container) == int(lives)


def test_a_batch_that_fails_in_one_operation_changes_nothing(container: Container) -> None:
    def upsert(key: str, if_match: str | None = None) -> dict[str, Any]:
        body = {"id": key, "partitionKey": "p"}
        return {
            "operationType": "Upsert",
            "resourceBody": body,
            **({"ifMatch": if_match} if if_match else {}),
        }

    container.write("p", {"id": "there", "partitionKey": "p"}, None, "upsert")
    code, results = container.batch("p", [upsert("new"), upsert("there", '"stale"'), upsert("last")])
    assert (code, [one["statusCode"] for one in results]) == (207, [424, 412, 424])
    with pytest.raises(Refused):
        container.read("p", "new")


def test_several_keys_are_read_by_the_sidecar_s_own_query(container: Container) -> None:
    for key in "abc":
        container.write(key, document(key), None, "upsert")
    found = container.query(
        "SELECT * FROM r WHERE ARRAY_CONTAINS(@keys, r.id)", [{"name": "@keys", "value": ["a", "c", "z"]}]
    )
    assert sorted(one["id"] for one in found) == ["a", "c"]
    with pytest.raises(Refused, match="has no query"):
        container.query("SELECT * FROM c", [])
