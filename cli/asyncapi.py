"""AsyncAPI 3.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0), from the agents' declarations.

A channel is a topic, a topic is an event type. Messages are CloudEvents in structured mode: the envelope is part of the
payload, there are no headers.
"""

from collections.abc import Sequence
from typing import Any

from agents.runtime.agent import Agent
from domain.event import Event, EventData, schema_of
from domain.events.budgets import BudgetPassed
from domain.events.dead_letters import DeadLettered
from domain.events.prompts import PromptRolledBack
from domain.execution import Trigger
from domain.json import JsonObject

CONTENT_TYPE = "application/cloudevents+json"
_DESCRIPTIONS = {
    "specversion": "Version of CloudEvents.",
    "id": "With `source` it identifies the event: the same two are the same event, however often it comes.",
    "source": "Who published it: `/agents/<agent>`, or a foreign publisher's URI.",
    "type": "The event type, which is the topic as well.",
    "subject": "What the event is about.",
    "time": "When it was emitted, RFC 3339.",
    "datacontenttype": "Always `application/json` from the agents.",
    "dataschema": "URN of the payload's JSON schema, with its version.",
    "correlationid": "Constant along a chain of work.",
    "causationid": "Id of the event that caused this one.",
    "agentid": "The agent that published it.",
    "hops": "Events between the root of the chain and this one; more than 16 are refused.",
    "traceparent": "W3C trace context.",
    "data": "The typed payload.",
}
_OPTIONAL_TEXT = {
    "subject", "time", "datacontenttype", "dataschema", "correlationid", "causationid", "agentid", "traceparent",
}  # fmt: skip


def asyncapi(agents: Sequence[Agent], version: str, redis: str) -> JsonObject:
    """The document; payload schemas are references to `schemas/<type>.json` beside it. `redis` is host:port."""
    topics = sorted(topics_of(agents))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "my-agents",
            "version": version,
            "description": "Events between the agents: CloudEvents 1.0 in structured mode, over Dapr pub/sub.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "redis": {
                "host": redis,
                "protocol": "redis",
                "description": "The broker on a laptop, behind the Dapr component agents-pubsub. Agents reach it through their "
                "sidecars alone; on Azure the same component is a Service Bus.",
            }
        },
        "channels": {topic: _channel(topic) for topic in topics},
        "operations": {key: operation for agent in agents for key, operation in _operations(agent)},
        "components": {
            "messages": {topic: _message(topic) for topic in topics},
            "schemas": {"cloudEvent": envelope()},
            "correlationIds": {
                "chain": {
                    "description": "All events of one chain of work carry the same.",
                    "location": "$message.payload#/correlationid",
                }
            },
        },
    }


def payload_schemas(agents: Sequence[Agent], events: Sequence[type[EventData]]) -> dict[str, JsonObject]:
    """The JSON schema of every event type's payload, also of commands and dead letters, by type."""
    schemas = {event.event_type: _named(event.model_json_schema(), event.data_schema()) for event in events}
    for agent in agents:
        schemas[agent.commands_topic] = _command_schema(agent.commands_topic)
        schemas[agent.dead_letter_topic] = _dead_letter_schema(agent.dead_letter_topic)
        schemas[agent.rolled_back_topic] = _named(
            PromptRolledBack.model_json_schema(), schema_of(agent.rolled_back_topic)
        )
        schemas[agent.budget_topic] = _budget_schema(agent.budget_topic)
    return dict(sorted(schemas.items()))


def envelope() -> JsonObject:
    """The CloudEvent around every payload; the agents read every extension as optional."""
    properties: dict[str, JsonObject] = {}
    for name in Event.model_fields:
        properties[name] = {"description": _DESCRIPTIONS[name]}
        if name in {"id", "source", "type"}:
            properties[name] |= {"type": "string", "minLength": 1, "maxLength": 1024}
        elif name in _OPTIONAL_TEXT:
            properties[name]["type"] = "string"
    properties["specversion"]["const"] = "1.0"
    properties["hops"] |= {"type": "integer", "minimum": 0}
    return {"type": "object", "required": ["specversion", "id", "source", "type"], "properties": properties}


def topics_of(agents: Sequence[Agent]) -> set[str]:
    """Every topic that an agent publishes to or receives."""
    topics = {event.event_type for agent in agents for event in agent.emits}
    for agent in agents:
        topics |= {
            *agent.subscribed_topics,
            agent.dead_letter_topic,
            agent.rolled_back_topic,
            agent.budget_topic,
        }
    return topics


def _channel(topic: str) -> JsonObject:
    return {"address": topic, "messages": {"event": {"$ref": f"#/components/messages/{topic}"}}}


def _operations(agent: Agent) -> list[tuple[str, JsonObject]]:
    received = []
    for topic in agent.subscribed_topics:
        tasks = [task.name for task, _ in agent.reactions_to(topic)]
        said = (
            f"starts {', '.join(tasks)}" if tasks else "its own requests, so that a crash leads back to them"
        )
        received.append(_operation(agent, "receive", topic, said))
    results = sorted(event.event_type for event in agent.emits)
    return [
        *received,
        *(_operation(agent, "send", topic, "what its tasks lead to") for topic in results),
        _operation(agent, "send", agent.commands_topic, "requests that came over HTTP"),
        _operation(agent, "send", agent.dead_letter_topic, "work that failed for good"),
        _operation(agent, "send", agent.rolled_back_topic, "versions of prompts that were taken back"),
        _operation(agent, "send", agent.budget_topic, "soft budgets that were passed"),
    ]


def _operation(agent: Agent, action: str, topic: str, said: str) -> tuple[str, JsonObject]:
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": f"{agent.name}: {said}",
        "tags": [{"name": agent.name}],
        "messages": [{"$ref": f"#/channels/{topic}/messages/event"}],
    }
    return f"{agent.name}.{action}.{topic}", operation


def _message(topic: str) -> JsonObject:
    return {
        "name": topic,
        "contentType": CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/chain"},
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/cloudEvent"},
                {
                    "type": "object",
                    "required": ["data"],
                    "properties": {"type": {"const": topic}, "data": {"$ref": f"schemas/{topic}.json"}},
                },
            ]
        },
    }


def _command_schema(topic: str) -> JsonObject:
    schema = Trigger.model_json_schema()
    schema["title"], schema["description"] = (
        "ExecutionRequested",
        "A request over HTTP that the agent sends to itself.",
    )
    return _named(schema, schema_of(topic))


def _dead_letter_schema(topic: str) -> JsonObject:
    return _named(DeadLettered.model_json_schema(), schema_of(topic))


def _budget_schema(topic: str) -> JsonObject:
    return _named(BudgetPassed.model_json_schema(), schema_of(topic))


def _named(schema: JsonObject, urn: str) -> JsonObject:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": urn, **schema}
