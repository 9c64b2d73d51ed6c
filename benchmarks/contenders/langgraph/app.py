"""As the bare one, with the model call in a graph of one node, without checkpoints: nobody comes back to it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

import uvicorn
from dapr.aio.clients import DaprClient
from dapr.ext.fastapi import DaprApp
from fastapi import Body, FastAPI, Request
from langgraph.graph import END, START, StateGraph
from openai import AsyncOpenAI, DefaultAioHttpClient
from work import CODE, PUBSUB, SPECS, STORE, code_generated, published, request


class State(TypedDict, total=False):
    spec: dict[str, Any]
    answer: str | None


def coder(openai: AsyncOpenAI) -> Any:
    async def write(state: State) -> State:
        reply = await openai.chat.completions.create(**request(state["spec"]))
        return {"answer": reply.choices[0].message.content}

    graph = StateGraph(State)
    graph.add_node("write", write)
    graph.add_edge(START, "write")
    graph.add_edge("write", END)
    return graph.compile()


@asynccontextmanager
async def clients(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    http = DefaultAioHttpClient() if "OPENAI_AIOHTTP" in os.environ else None
    async with DaprClient() as dapr, AsyncOpenAI(http_client=http) as openai:
        yield {"dapr": dapr, "coder": coder(openai)}


app = FastAPI(lifespan=clients)


@DaprApp(app).subscribe(pubsub=PUBSUB, topic=SPECS)
async def write_code(http: Request, event: Annotated[dict[str, Any], Body()]) -> None:
    spec = event["data"]
    state = await http.state.coder.ainvoke({"spec": spec})
    code = code_generated(spec, state["answer"])
    await http.state.dapr.save_state(STORE, f"code-{event['id']}", code)
    await http.state.dapr.publish_event(
        PUBSUB, CODE, code, publish_metadata=published(event["id"]), data_content_type="application/json"
    )


if __name__ == "__main__":
    # uvicorn closes idle connections after 5 s, which the sidecar meets as an error, and the event waits for redelivery.
    uvicorn.run(
        app, port=int(os.environ["APP_PORT"]), log_level="warning", access_log=False, timeout_keep_alive=600
    )
