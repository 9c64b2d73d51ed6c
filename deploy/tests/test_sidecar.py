"""The Dapr resources that are rendered, given to a real sidecar: the agent works, and may do nothing that it does not declare."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
import pytest
import yaml
from dapr.proto import api_service_v1, api_v1
from redis import Redis as RedisClient
from rich.console import Console

from cli.local.provision.run import Wanted, provision
from deploy.verify.chart import Document
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.processes import Daprd, daprd, redis_server
from tests.support.raw_http import get, post

Rendered = Callable[..., list[Document]]
AGENT, TOKEN = "implementation", "token-of-the-sidecar"
RESULT = "agents.implementation.review.completed"


@dataclass(frozen=True)
class Pair:
    agent: AgentProcess
    sidecar: Daprd
    redis: RedisClient


@pytest.fixture(scope="module")
def pair(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One agent and its sidecar on the components and configuration of dev, with the API token."""
    programs = asyncio.run(provision(Wanted(ollama=False, model=False), os.environ, Console(stderr=True)))
    assert programs.redis_server is not None
    assert programs.daprd is not None
    folder, resources = tmp_path_factory.mktemp("pair"), tmp_path_factory.mktemp("rendered")
    tokens = {"DAPR_API_TOKEN": TOKEN}
    with redis_server(programs.redis_server, folder) as redis:
        address = f"redisHost=127.0.0.1:{redis.port}"
        components = ("agents-pubsub", "agents-statestore")
        for found in rendered("dev", *(f"components.redis.{name}.{address}" for name in components)):
            if found["apiVersion"] == "dapr.io/v1alpha1":
                name = "config" if found["kind"] == "Configuration" else found["metadata"]["name"]
                (resources / f"{name}.yaml").write_text(yaml.safe_dump(found))
        with (
            daprd(
                programs.daprd, folder, redis.port, app_id=AGENT, env=tokens, components=resources
            ) as sidecar,
            model_server() as model,
            agent_process("agents.implementation:AGENT", folder, sidecar, model.url, tokens) as agent,
            RedisClient(port=redis.port) as client,
        ):
            yield Pair(agent, sidecar, client)


def test_the_agent_works_on_what_the_chart_lets_its_sidecar_do(pair: Pair) -> None:
    tasks = get(pair.agent.port, f"/api/{AGENT}/tasks")
    assert tasks is not None
    (review,) = [task for task in json.loads(tasks.body)["tasks"] if task["name"] == "review-code"]
    example = json.dumps(review["examples"][0]).encode()
    answer = post(pair.agent.port, f"/api/{AGENT}/review-code", example)
    assert answer is not None
    assert answer.status == 200, answer.body
    assert pair.redis.xlen(RESULT) == 1
    # The command came over the agent's own stream as well: it may receive what it declares.
    assert pair.redis.xinfo_groups("agents.implementation.execution.requested")[0]["name"] == AGENT.encode()


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("agents.notification.send.requested", grpc.StatusCode.PERMISSION_DENIED),
        ("agents.testplanning.spec.generated", grpc.StatusCode.PERMISSION_DENIED),
        ("agents.implementation.code.generated", grpc.StatusCode.OK),
    ],
)
def test_it_may_publish_its_own_topics_and_nobody_elses(
    pair: Pair, topic: str, code: grpc.StatusCode
) -> None:
    request = api_v1.PublishEventRequest(pubsub_name="agents-pubsub", topic=topic, data=b"{}")
    assert _called(pair, "PublishEvent", request) == code
    assert pair.redis.xlen(topic) == (1 if code is grpc.StatusCode.OK else 0)


def test_it_may_read_no_secrets_invoke_nobody_and_ask_no_other_api(pair: Pair) -> None:
    for method, request in (
        ("GetSecret", api_v1.GetSecretRequest(store_name="agents-secrets", key="x")),
        ("InvokeService", api_v1.InvokeServiceRequest(id="notification")),
        ("InvokeBinding", api_v1.InvokeBindingRequest(name="x", operation="get")),
        ("TryLockAlpha1", api_v1.TryLockRequest(store_name="x", resource_id="y", lock_owner="z")),
    ):
        assert _called(pair, method, request) == grpc.StatusCode.UNIMPLEMENTED, method


def test_a_process_without_the_token_may_ask_nothing(pair: Pair) -> None:
    request = api_v1.GetStateRequest(store_name="agents-statestore", key="x")
    assert _called(pair, "GetState", request, token="") == grpc.StatusCode.UNAUTHENTICATED


def test_the_sidecars_http_api_gives_metadata_and_health_alone(pair: Pair) -> None:
    assert _http(pair, "/v1.0/metadata") == 200
    assert _http(pair, "/v1.0/healthz/outbound") == 204
    assert _http(pair, "/v1.0/state/agents-statestore/x") >= 400
    assert _http(pair, "/v1.0/invoke/notification/method/healthz") >= 400


def _called(pair: Pair, method: str, request: object, token: str = TOKEN) -> grpc.StatusCode:
    with grpc.insecure_channel(pair.sidecar.address) as channel:
        stub = api_service_v1.DaprStub(channel)  # type: ignore[no-untyped-call]  # generated
        try:
            getattr(stub, method)(request, metadata=(("dapr-api-token", token),), timeout=5)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def _http(pair: Pair, path: str) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{pair.sidecar.http_port}{path}", headers={"dapr-api-token": TOKEN}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own sidecar
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
