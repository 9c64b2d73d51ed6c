"""A workflow of three activities for each event; the event is acknowledged once its workflow is scheduled."""

import os
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from dapr.clients import DaprClient
from dapr.ext import workflow as wf
from dapr.ext.fastapi import DaprApp
from dapr.ext.workflow.aio import DaprWorkflowClient
from fastapi import Body, FastAPI, Request
from grpc.aio import AioRpcError
from openai import OpenAI
from work import CODE, PUBSUB, SPECS, STORE, code_generated, published, request

runtime = wf.WorkflowRuntime(maximum_thread_pool_workers=int(os.environ.get("WORKFLOW_THREADS", "0")) or None)
openai = OpenAI()
dapr = DaprClient()


@runtime.activity(name="ask_model")
def ask_model(_: wf.WorkflowActivityContext, spec: dict[str, Any]) -> str | None:
    return openai.chat.completions.create(**request(spec)).choices[0].message.content


@runtime.activity(name="save")
def save(ctx: wf.WorkflowActivityContext, code: str) -> None:
    dapr.save_state(STORE, f"code-{ctx.workflow_id}", code)


@runtime.activity(name="publish")
def publish(ctx: wf.WorkflowActivityContext, code: str) -> None:
    dapr.publish_event(
        PUBSUB, CODE, code, publish_metadata=published(ctx.workflow_id), data_content_type="application/json"
    )


@runtime.workflow(name="write_code")
def write_code(ctx: wf.DaprWorkflowContext, spec: dict[str, Any]) -> Generator[Any, Any, None]:
    answer = yield ctx.call_activity(ask_model, input=spec)
    code = code_generated(spec, answer)
    yield ctx.call_activity(save, input=code)
    yield ctx.call_activity(publish, input=code)


@asynccontextmanager
async def workflows(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    runtime.start()
    yield {"workflows": DaprWorkflowClient()}
    runtime.shutdown()


app = FastAPI(lifespan=workflows)


@DaprApp(app).subscribe(pubsub=PUBSUB, topic=SPECS)
async def schedule(http: Request, event: Annotated[dict[str, Any], Body()]) -> None:
    try:
        await http.state.workflows.schedule_new_workflow(
            write_code, input=event["data"], instance_id=event["id"]
        )
    except AioRpcError as error:
        if "already exists" not in (error.details() or ""):  # delivered again while its workflow runs
            raise


if __name__ == "__main__":
    # uvicorn closes idle connections after 5 s, which the sidecar meets as an error, and the event waits for redelivery.
    uvicorn.run(
        app, port=int(os.environ["APP_PORT"]), log_level="warning", access_log=False, timeout_keep_alive=600
    )
