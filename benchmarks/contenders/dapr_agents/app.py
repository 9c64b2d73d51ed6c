"""A DurableAgent: every event schedules a run of the agent, a workflow that the framework brings along.

Its own subscription takes `{"task": …}` alone; an activation hook is its documented way to be started by other events.
Nothing in the framework publishes an answer, so a hook after the model call does, inside that call's activity.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from dapr.clients import DaprClient
from dapr.clients.grpc._response import TopicEventResponse
from dapr.common.pubsub.subscription import SubscriptionMessage
from dapr_agents import AgentRunner, DurableAgent, Hooks, OpenAIChatClient
from dapr_agents.agents.configs import AgentMCPConfig, AgentStateConfig
from dapr_agents.hooks import LLMHookContext, Mutate
from dapr_agents.storage.daprstores.stateservice import StateStoreService
from dapr_agents.types.activation import ActivationContext
from grpc import RpcError
from work import CODE, PUBSUB, SETTINGS, SPECS, STORE, SYSTEM, code_generated, question

dapr = DaprClient()


def ask_for_json(_: LLMHookContext) -> Mutate:
    """`response_format` of the framework takes pydantic models only; this one is the same for all contenders."""
    return Mutate(payload={"extra_body": SETTINGS})


def publish(asked: LLMHookContext, answer: dict[str, Any]) -> None:
    # A hook sees the conversation and not the event: here every feature's title begins with the specification's id.
    title = asked.payload["messages"][-1]["content"].partition("Feature: ")[2].partition("\n")[0]
    spec = {"feature_title": title, "spec_id": title.split()[0]}
    code = code_generated(spec, answer["content"])
    dapr.publish_event(PUBSUB, CODE, code, data_content_type="application/json")


def receive_specs(activation: ActivationContext) -> Callable[[], None]:
    def receive(event: SubscriptionMessage) -> TopicEventResponse:
        task = {"task": question(event.data())}
        run = activation.runner.run(activation.agent, task, instance_id=event.id(), wait=False, log=False)
        try:
            asyncio.run(run)
        except RpcError as error:
            if "already exists" not in str(error):  # delivered again while its run goes on
                return TopicEventResponse("retry")
        return TopicEventResponse("success")

    return activation.dapr_client.subscribe_with_handler(PUBSUB, SPECS, receive)


agent = DurableAgent(
    name="coder",
    system_prompt=SYSTEM,
    llm=OpenAIChatClient(
        model=os.environ["OPENAI_MODEL"],
        base_url=os.environ["OPENAI_BASE_URL"],
        api_key=os.environ["OPENAI_API_KEY"],
    ),
    state=AgentStateConfig(store=StateStoreService(store_name=STORE)),
    hooks=Hooks(before_llm_call=[ask_for_json], after_llm_call=[publish]),
    mcp=AgentMCPConfig(enabled=False),
)
if os.environ.get("AGENT_MEMORY") == "off":
    agent.memory = None  # the only way to save the second call, which sums the conversation up
agent.add_activation(receive_specs)
AgentRunner().workflow(agent)
signal.pause()
