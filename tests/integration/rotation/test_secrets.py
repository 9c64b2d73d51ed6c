"""Every secret between an agent, its sidecar, Redis and its model changes under load: nothing is lost, doubled or failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis as Client
from redis.exceptions import AuthenticationError

from cli.local.provision.run import Programs
from tests.integration.rotation.replicas import USER, System, passwords, system
from tests.stand_ins.azure_openai import AZURE_KEY
from tests.support.raw_http import get
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

INVOKED = "/v1.0/invoke/implementation/method/api/implementation/tasks"
OTHER_KEY = "f" * 32


@pytest.fixture(scope="module")
def running(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system(programs, tmp_path_factory.mktemp("rotation")) as started:
        yield started


def test_the_tokens_between_app_and_sidecar_change_with_each_replica(running: System) -> None:
    old = running.secrets
    with running.load() as load:
        running.change(load, dapr="dapr-token-2", app="app-token-2")
    for replica in running.replicas:
        for token, status in ((old.dapr, 401), ("dapr-token-2", 200)):
            answer = get(replica.sidecar.http_port, INVOKED, f"dapr-api-token: {token}")
            assert answer is not None
            assert answer.status == status
        for token, status in ((old.app, 401), ("app-token-2", 404)):  # by push alone there is something
            answer = get(replica.app.port, "/dapr/config", f"dapr-api-token: {token}")
            assert answer is not None
            assert answer.status == status


def test_redis_knows_both_passwords_while_the_sidecars_change_theirs(running: System) -> None:
    old = running.secrets.redis
    with running.load() as load:
        passwords(running.redis, old, "redis-password-2")
        running.change(load, redis="redis-password-2")
        passwords(running.redis, "redis-password-2")
        running.redis.client_kill_filter(user=USER)  # whoever comes back has the new one
        load.flows_on()
    port = running.redis.connection_pool.connection_kwargs["port"]
    with pytest.raises(AuthenticationError):
        Client(port=port, username=USER, password=old).ping()


def test_a_model_s_second_key_takes_over_before_the_first_is_made_anew(running: System) -> None:
    running.model.tell(keys=[AZURE_KEY, OTHER_KEY])
    refused = running.model.did()["refused"]
    with running.load() as load:
        running.change(load, model=OTHER_KEY)
        running.model.tell(keys=[OTHER_KEY])
        load.flows_on()
    assert running.model.did()["refused"] == refused


def test_work_waits_for_a_model_key_that_was_taken_away_too_early(running: System) -> None:
    """The wrong order: nothing comes through until the replicas have the new key, and then all of it."""
    with running.load() as load:
        refused = running.model.did()["refused"]
        running.model.tell(keys=["e" * 32])
        eventually(lambda: running.model.did()["refused"] > refused)
        held = len(load.markers)
        eventually(lambda: len(load.markers) > held + 5)
        running.secrets = type(running.secrets)(**{**vars(running.secrets), "model": "e" * 32})
        for replica in running.replicas:
            replica.end()
            replica.start(running.secrets)
