"""A workflow of three activities for each event; the event is acknowledged once Temporal has its workflow."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from dapr.aio.clients import DaprClient
from dapr.ext.fastapi import DaprApp
from fastapi import Body, FastAPI, Request
from openai import AsyncOpenAI, DefaultAioHttpClient
from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.worker import Worker
from work import CODE, PUBSUB, SPECS, STORE, request
from workflow import WriteCode

QUEUE = "code"


class Activities:
    def __init__(self, dapr: DaprClient, openai: AsyncOpenAI) -> None:
        self._dapr = dapr
        self._openai = openai

    @activity.defn
    async def ask_model(self, spec: dict[str, Any]) -> str | None:
        reply = await self._openai.chat.completions.create(**request(spec))
        return reply.choices[0].message.content

    @activity.defn
    async def save(self, code: str) -> None:
        await self._dapr.save_state(STORE, f"code-{activity.info().workflow_id}", code)

    @activity.defn
    async def publish(self, code: str) -> None:
        await self._dapr.publish_event(PUBSUB, CODE, code, data_content_type="application/json")


@asynccontextmanager
async def worker(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    temporal = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    async with DaprClient() as dapr, AsyncOpenAI(http_client=DefaultAioHttpClient()) as openai:
        own = Activities(dapr, openai)
        activities = [own.ask_model, own.save, own.publish]
        async with Worker(temporal, task_queue=QUEUE, workflows=[WriteCode], activities=activities):
            yield {"temporal": temporal}


app = FastAPI(lifespan=worker)


@DaprApp(app).subscribe(pubsub=PUBSUB, topic=SPECS)
async def start(http: Request, event: Annotated[dict[str, Any], Body()]) -> None:
    try:
        await http.state.temporal.start_workflow(
            WriteCode.run,
            event["data"],
            id=event["id"],
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
    except WorkflowAlreadyStartedError:
        pass  # delivered again


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["APP_PORT"]), log_level="warning", access_log=False)
