"""What a deployment of deploy/bicep gives out, as `az deployment group show --query properties.outputs` prints it."""

from __future__ import annotations

from typing import Any

AGENTS = (
    (1, "devops"),
    (2, "implementation"),
    (3, "notification"),
    (4, "service-desk"),
    (5, "test-planning"),
)


def outputs(**changes: Any) -> dict[str, Any]:
    """Of prod, with other values for some."""
    values = {
        "environmentName": "prod",
        "components": "azure",
        "registry": "agentsprodabc123.azurecr.io",
        "identities": [
            {"agent": agent, "clientId": f"{number}" * 8 + "-1111-4111-8111-111111111111"}
            for number, agent in AGENTS
        ],
        "keyVault": "kv-agents-prod-abc123",
        "tenantId": "99999999-9999-4999-8999-999999999999",
        "loginIssuer": "https://login.microsoftonline.com/99999999-9999-4999-8999-999999999999/v2.0",
        "loginAudience": "88888888-8888-4888-8888-888888888888",
        "host": "agents.example.com",
        "endpointsPrefix": "10.20.4.0/24",
        "openAi": [
            {"endpoint": "https://west.openai.azure.com", "deployment": "gpt-4o-mini"},
            {"endpoint": "https://north.openai.azure.com", "deployment": "gpt-4o-mini"},
        ],
        "serviceBus": "sb-agents-prod-abc123.servicebus.windows.net",
        "cosmosUrl": "https://cosmos-agents-prod-abc123.documents.azure.com:443/",
        "cosmosDatabase": "agents",
        "cosmosContainer": "agents-statestore",
        "redis": "",
    }
    return {
        name: {"type": type(value).__name__, "value": value} for name, value in (values | changes).items()
    }
