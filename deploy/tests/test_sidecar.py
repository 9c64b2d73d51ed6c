"""The Dapr resources that are rendered, given to a real sidecar: the agent works, and may do nothing that it does not declare."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import yaml
from dapr.proto import api_service_v1, api_v1
from redis import Redis as RedisClient
from rich.console import Console

from cli.local.provision.run import Wanted, provision
from deploy.verify.chart import Document
from tests.stand_ins.openai_server import OpenAIServer, slow
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.processes import Daprd, daprd, redis_server
from tests.support.raw_http import Answer, get, post

Rendered = Callable[..., list[Document]]
AGENT, TOKEN = "implementation", "token-of-the-sidecar"
RESULT = "agents.implementation.review.completed"


@dataclass(frozen=True)
class Pair:
    agent: AgentProcess
    sidecar: Daprd
    redis: RedisClient
    model: OpenAIServer


@contextmanager
def running_pair(
    objects: Callable[[int], list[Document]], folder: Path, options: Sequence[str] = ()
) -> Iterator[Pair]:
    """One agent and its sidecar on what is rendered for a Redis at this port, with the API token."""
    programs = asyncio.run(provision(Wanted(ollama=False, model=False), os.environ, Console(stderr=True)))
    assert programs.redis_server is not None
    assert programs.daprd is not None
    resources = folder / "rendered"
    resources.mkdir()
    tokens = {"DAPR_API_TOKEN": TOKEN}
    with redis_server(programs.redis_server, folder) as redis:
        for found in objects(redis.port):
            if found["apiVersion"] == "dapr.io/v1alpha1":
                name = "config" if found["kind"] == "Configuration" else found["metadata"]["name"]
                (resources / f"{name}.yaml").write_text(yaml.safe_dump(found))
        with (
            daprd(
                programs.daprd,
                folder,
                redis.port,
                app_id=AGENT,
                env=tokens,
                components=resources,
                options=options,
            ) as sidecar,
            model_server() as model,
            agent_process("agents.implementation:AGENT", folder, sidecar, model.url, tokens) as agent,
            RedisClient(port=redis.port) as client,
        ):
            yield Pair(agent, sidecar, client, model)


@pytest.fixture(scope="module")
def dev(rendered: Rendered) -> Callable[[int], list[Document]]:
    """What is rendered for dev with Redis at a port of this machine."""

    def at(port: int) -> list[Document]:
        components = ("agents-pubsub", "agents-statestore")
        return rendered(
            "dev", *(f"components.redis.{name}.redisHost=127.0.0.1:{port}" for name in components)
        )

    return at


@pytest.fixture(scope="module")
def pair(dev: Callable[[int], list[Document]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(dev, tmp_path_factory.mktemp("pair")) as running:
        yield running


def review(pair: Pair, *headers: str) -> Answer:
    """Ask for work with the example that the task gives."""
    tasks = get(pair.agent.port, f"/api/{AGENT}/tasks")
    assert tasks is not None
    (task,) = [found for found in json.loads(tasks.body)["tasks"] if found["name"] == "review-code"]
    answer = post(
        pair.agent.port, f"/api/{AGENT}/review-code", json.dumps(task["examples"][0]).encode(), *headers
    )
    assert answer is not None
    return answer


def test_work_in_progress_ends_through_a_sidecar_that_was_asked_to_end_first(
    dev: Callable[[int], list[Document]], tmp_path: Path
) -> None:
    """A pod's end in its order: SIGTERM to the sidecar, preStop, SIGTERM to the app, whose model takes longer than that."""
    options = ("--dapr-block-shutdown-duration=15s", "--dapr-graceful-shutdown-seconds=5")
    with running_pair(dev, tmp_path, options) as pair:
        pair.model.next.append(slow(3))
        assert review(pair, "Prefer: respond-async").status == 202
        pair.sidecar.process.signal(signal.SIGTERM)
        time.sleep(1)
        pair.agent.process.signal(signal.SIGTERM)
        assert pair.agent.process.popen.wait(15) == 0
        assert pair.sidecar.process.popen.poll() is None
        assert pair.redis.xlen(RESULT) == 1
        assert len(pair.model.requests) == 1


def test_the_agent_works_on_what_the_chart_lets_its_sidecar_do(pair: Pair) -> None:
    answer = review(pair)
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
