"""A DurableAgent: every event schedules a run of the agent, a workflow that the framework brings along.

Its own subscription takes `{"task": …}` alone, so an activation hook, its documented way to be started by anything else,
makes the same subscription with a mapper. Nothing in the framework publishes an answer: a hook after the model call
does, inside that call's activity.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from dapr.clients import DaprClient
from dapr_agents import AgentRunner, DurableAgent, Hooks, OpenAIChatClient
from dapr_agents.agents.configs import AgentMCPConfig, AgentStateConfig
from dapr_agents.agents.schemas import TriggerAction
from dapr_agents.hooks import LLMHookContext, Mutate
from dapr_agents.storage.daprstores.stateservice import StateStoreService
from dapr_agents.types.activation import ActivationContext
from dapr_agents.types.workflow import PubSubRouteSpec
from dapr_agents.workflow.utils.registration import register_message_routes
from dapr_agents.workflow.utils.subscription import MessageContext, TTLDedupeBackend
from work import CODE, PUBSUB, SETTINGS, SPECS, STORE, SYSTEM, code_generated, published, question

dapr = DaprClient()


def ask_for_json(_: LLMHookContext) -> Mutate:
    """`response_format` of the framework takes pydantic models only; this one is the same for all contenders."""
    return Mutate(payload={"extra_body": SETTINGS})


def publish(asked: LLMHookContext, answer: dict[str, Any]) -> None:
    # A hook sees the conversation and not the event: here every feature's title begins with the specification's id.
    title = asked.payload["messages"][-1]["content"].partition("Feature: ")[2].partition("\n")[0]
    spec = {"feature_title": title, "spec_id": title.split()[0]}
    code = code_generated(spec, answer["content"])
    # Nor the event's id, which here is the specification's too.
    metadata = published(spec["spec_id"])
    dapr.publish_event(PUBSUB, CODE, code, publish_metadata=metadata, data_content_type="application/json")


def task(spec: dict[str, Any], _: MessageContext) -> TriggerAction:
    return TriggerAction(task=question(spec))


def receive_specs(activation: ActivationContext) -> Callable[[], None]:
    def run() -> None:
        """Stands for the agent's workflow, which is known by its name."""

    run.__name__ = activation.agent.agent_workflow_name
    (close,) = register_message_routes(
        routes=[PubSubRouteSpec(PUBSUB, SPECS, run, message_model=dict, mapper=task)],
        dapr_client=activation.dapr_client,
        wf_client=activation.wf_client,
        deduper=TTLDedupeBackend(),
        log_outcome=False,
    )
    return close


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
runner = AgentRunner()  # held: it closes its connections when nobody does
runner.workflow(agent)
signal.pause()
