"""What components say when something is wrong, by their own words: a sidecar passes them on under one and the same code."""

from __future__ import annotations

TOO_LARGE = (
    "larger than max",  # gRPC's own limit
    "the message is too large",  # Service Bus' client, before it sends
    "amqp:link:message-size-exceeded",
    "RequestEntityTooLarge",  # Cosmos DB
)
_DATABASE = (
    "see connectionString in the components' statestore.yaml, the variable that it names (AGENTS_POSTGRES), and whether the "
    "database answers there"
)
_CURES = {
    "amqp:not-found": "it has to be made before: deploy/bicep/modules/topics.bicep, which `python -m cli.documents` writes, has all",
    "status code 401 and description": "the broker refuses the key or the identity: see connectionString or namespaceName in the "
    "components' pubsub.yaml, and the role assignments",
    "amqp:unauthorized-access": "the broker refuses the identity: it needs Azure Service Bus Data Sender and Data Receiver",
    "PartitionKey extracted from document": "the container's partition key has to be /partitionKey: make it anew, it cannot be changed",
    "namespace name are required": "see connectionString or namespaceName in the components' pubsub.yaml, and the variables of the "
    "sidecar that it names",
    "url is required": "see url in the components' statestore.yaml, and the variables of the sidecar that it names",
    "failed to ping the database": _DATABASE,
    "failed to build connection string": _DATABASE,
    "failed to acquire a token": "the sidecar has no identity: on AKS its service account brings a workload identity",
    "Resource Not Found": "the database or its container is not there: see database and collection in the components' statestore.yaml",
    "RESPONSE 401": "the store refuses the key or the identity: see masterKey or url in the components' statestore.yaml",
    "RESPONSE 403": "the store refuses the identity: it needs Cosmos DB Built-in Data Contributor",
}


def too_large(details: str) -> bool:
    return any(words in details for words in TOO_LARGE)


def cure(details: str) -> str:
    """What to do about it, as `; …`; empty where nothing is known."""
    return next((f"; {told}" for words, told in _CURES.items() if words in details), "")
