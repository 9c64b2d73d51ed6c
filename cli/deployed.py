"""What a broker has to have before the agents come, and where they run: files outside docs/ that follow from the declarations.

A topic is an event type, a subscription an agent that receives it. On Redis both come into being by themselves; on Service
Bus they are made by these files, and the sidecars are kept from making any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic_core import to_json

from agents.runtime.agent import Agent
from cli.asyncapi import topics_of
from cli.local.instance import MANIFEST

STAND_INS, POSTGRES = "azure-stand-ins", "postgres"
GENERATED = (
    f"dapr.{STAND_INS}.yaml",
    f"dapr.{POSTGRES}.yaml",
    f"components/{STAND_INS}/servicebus.json",
    f"components/{STAND_INS}/cosmos.json",
    "deploy/bicep/modules/topics.bicep",
)
MAX_DELIVERIES, LOCK, MAX_MESSAGE = 2_000, 5, 1_024
"""Service Bus' own limit of deliveries, which a dying sidecar comes near to (docs/azure.md); seconds; KiB."""
ENVIRONMENT = {
    "AGENTS_REDELIVERY_AFTER": "300",
    "AGENTS_MAX_WAITING": "1000",
    "AGENTS_MAX_DOCUMENT_BYTES": "1500000",
}
"""What the agents are told of Azure. A delivery is held, because a RETRY comes back at once and counts: at one in 151 s the
2,000 last for three days. Each topic has workers of its own. Cosmos DB takes 2 MB, and a sidecar writes bytes as base64."""
PARTITION_KEY = "/partitionKey"
"""The field in which a sidecar writes the key of a document: a partition for each."""


def deployed(root: Path, agents: Sequence[Agent]) -> dict[str, bytes]:
    """Every such file by its path below `root`."""
    found = topology(agents)
    subscription = {"max_delivery_count": MAX_DELIVERIES, "lock_duration": LOCK}
    topics = {
        topic: {
            "max_message_bytes": MAX_MESSAGE * 1_024,
            "subscriptions": dict.fromkeys(receivers, subscription),
        }
        for topic, receivers in found.items()
    }
    account = {"agents": {"state": {"partition_key": PARTITION_KEY, "default_ttl": -1}}}
    stand_ins, postgres, servicebus, cosmos, bicep = GENERATED
    usual = (root / MANIFEST).read_text()
    return {
        stand_ins: manifest_on_stand_ins(usual).encode(),
        postgres: manifest_on_postgres(usual).encode(),
        servicebus: to_json({"topics": topics}, indent=2) + b"\n",
        cosmos: to_json({"databases": account}, indent=2) + b"\n",
        bicep: bicep_of(found).encode(),
    }


def topology(agents: Sequence[Agent]) -> dict[str, list[str]]:
    """The agents that receive each topic; of some topics none does."""
    return {
        topic: sorted(agent.name for agent in agents if topic in agent.subscribed_topics)
        for topic in sorted(topics_of(agents))
    }


def manifest_on_stand_ins(usual: str) -> str:
    """dapr.yaml with other components; what stands above its first key is said anew."""
    return _ON_STAND_INS + _body(usual, STAND_INS).replace("common:\n", f"common:\n{_environment()}", 1)


def manifest_on_postgres(usual: str) -> str:
    return _ON_POSTGRES + _body(usual, POSTGRES)


def _body(usual: str, components: str) -> str:
    return usual[usual.index("version:") :].replace("components/redis", f"components/{components}")


def _environment() -> str:
    return "  env:\n" + "".join(f'    {name}: "{value}"\n' for name, value in ENVIRONMENT.items())


def bicep_of(topics: Mapping[str, Sequence[str]]) -> str:
    names = "\n".join(f"  '{topic}'" for topic in topics)
    pairs = "\n".join(
        f"  {{ topic: {index}, receiver: '{receiver}' }} // {topic}"
        for index, (topic, receivers) in enumerate(topics.items())
        for receiver in receivers
    )
    return _BICEP.format(
        topics=names, subscriptions=pairs, deliveries=MAX_DELIVERIES, lock=LOCK, size=MAX_MESSAGE
    )


_ON_STAND_INS = f"""\
# Written by `python -m cli.documents` from dapr.yaml: the same agents on stand-ins of Azure's services.
# `make up COMPONENTS={STAND_INS}` reads it and starts the stand-ins as well. With `dapr run -f` they are started by hand:
#   python -m cli.local.azure.servicebus 3900 3901 components/{STAND_INS}/servicebus.json &
#   python -m cli.local.azure.cosmos 3902 components/{STAND_INS}/cosmos.json &
"""
_ON_POSTGRES = f"""\
# Written by `python -m cli.documents` from dapr.yaml: the same agents with their documents in PostgreSQL, of which the variable
# AGENTS_POSTGRES is the connection string. `make up COMPONENTS={POSTGRES}` reads it; nothing here starts a PostgreSQL.
"""
_BICEP = """\
// Written by `python -m cli.documents` from the agents' declarations: a topic for each event type, a subscription for each
// agent that receives it, named by its app-id. The sidecars make none themselves (disableEntityManagement).
@description('Name of the Service Bus namespace, of the tier Premium.')
param namespaceName string

var topics = [
{topics}
]

// By the topic's place in the list above.
var subscriptions = [
{subscriptions}
]

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {{
  name: namespaceName
}}

resource topic 'Microsoft.ServiceBus/namespaces/topics@2024-01-01' = [for name in topics: {{
  parent: namespace
  name: name
  properties: {{
    maxMessageSizeInKilobytes: {size}
    enableBatchedOperations: true
    // Event ids are told apart by the agents, for longer than Service Bus would.
    requiresDuplicateDetection: false
  }}
}}]

resource subscription 'Microsoft.ServiceBus/namespaces/topics/subscriptions@2024-01-01' = [for one in subscriptions: {{
  parent: topic[one.topic]
  name: one.receiver
  properties: {{
    // A dying app's deliveries come back at once, hundreds of times: a small count would give good events up.
    maxDeliveryCount: {deliveries}
    lockDuration: 'PT{lock}S'
    requiresSession: false
    // No time to live is set; an event that carries one itself is kept as a dead letter.
    deadLetteringOnMessageExpiration: true
    deadLetteringOnFilterEvaluationExceptions: true
    enableBatchedOperations: true
  }}
}}]
"""
