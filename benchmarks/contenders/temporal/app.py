"""A workflow of three activities for each event; the event is acknowledged once Temporal has its workflow."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Annotated, Any

import uvicorn
from dapr.aio.clients import DaprClient
from dapr.ext.fastapi import DaprApp
from fastapi import Body, FastAPI, Request
from openai import AsyncOpenAI, DefaultAioHttpClient
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from work import CODE, PUBSUB, SPECS, STORE, code_generated, published, request

QUEUE = "code"
MODEL_TIMEOUT = timedelta(seconds=150)
SHORT = timedelta(seconds=10)
HEARTBEAT = timedelta(seconds=5)


class Activities:
    def __init__(self, dapr: DaprClient, openai: AsyncOpenAI) -> None:
        self._dapr = dapr
        self._openai = openai

    @activity.defn
    async def ask_model(self, spec: dict[str, Any]) -> str | None:
        beating = asyncio.create_task(beat())
        try:
            reply = await self._openai.chat.completions.create(**request(spec))
        finally:
            beating.cancel()
        return reply.choices[0].message.content

    @activity.defn
    async def save(self, code: str) -> None:
        await self._dapr.save_state(STORE, f"code-{activity.info().workflow_id}", code)

    @activity.defn
    async def publish(self, code: str) -> None:
        metadata = published(activity.info().workflow_id)
        await self._dapr.publish_event(
            PUBSUB, CODE, code, publish_metadata=metadata, data_content_type="application/json"
        )


async def beat() -> None:
    """Without it the server would give up a killed worker's activity only after the model's whole timeout."""
    while True:
        await asyncio.sleep(1)
        activity.heartbeat()


@workflow.defn
class WriteCode:
    @workflow.run
    async def run(self, spec: dict[str, Any]) -> None:
        answer = await workflow.execute_activity_method(
            Activities.ask_model, spec, start_to_close_timeout=MODEL_TIMEOUT, heartbeat_timeout=HEARTBEAT
        )
        code = code_generated(spec, answer)
        await workflow.execute_local_activity_method(Activities.save, code, start_to_close_timeout=SHORT)
        await workflow.execute_local_activity_method(Activities.publish, code, start_to_close_timeout=SHORT)


@asynccontextmanager
async def worker(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    temporal = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with DaprClient() as dapr, AsyncOpenAI(http_client=DefaultAioHttpClient()) as openai:
        own = Activities(dapr, openai)
        async with Worker(
            temporal,
            task_queue=QUEUE,
            workflows=[WriteCode],
            activities=[own.ask_model, own.save, own.publish],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield {"temporal": temporal}


app = FastAPI(lifespan=worker)


@DaprApp(app).subscribe(pubsub=PUBSUB, topic=SPECS)
async def start(http: Request, event: Annotated[dict[str, Any], Body()]) -> None:
    with suppress(WorkflowAlreadyStartedError):  # delivered again
        await http.state.temporal.start_workflow(
            WriteCode.run,
            event["data"],
            id=event["id"],
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            request_eager_start=True,
        )


if __name__ == "__main__":
    # uvicorn closes idle connections after 5 s, which the sidecar meets as an error, and the event waits for redelivery.
    uvicorn.run(
        app, port=int(os.environ["APP_PORT"]), log_level="warning", access_log=False, timeout_keep_alive=600
    )
