"""What the OpenAPI document says. Whether it is true, tests/integration/test_random_input.py finds out."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from agents.runtime import Agent, Context, Outcome
from agents.service_desk import AGENT as SERVICE_DESK
from infrastructure.host.openapi.inputs import inputs_of
from tests.unit.host.hosted import Hosted, hosted


async def test_every_route_is_in_the_document(api: Hosted) -> None:
    document = (await api.http.get("/openapi.json")).json()
    assert sorted(document["paths"]) == [
        "/api/sample/audit",
        "/api/sample/correlations/{correlation}",
        "/api/sample/costs",
        "/api/sample/dead-letters",
        "/api/sample/dead-letters/{execution_id}",
        "/api/sample/dead-letters/{execution_id}/drop",
        "/api/sample/dead-letters/{execution_id}/replay",
        "/api/sample/entities/{kind}/{entity_id}",
        "/api/sample/events/stream",
        "/api/sample/execute",
        "/api/sample/executions/{execution_id}",
        "/api/sample/executions/{execution_id}/feedback",
        "/api/sample/executions/{execution_id}/trial",
        "/api/sample/prompts",
        "/api/sample/prompts/{name}/versions/{version}",
        "/api/sample/prompts/{name}/versions/{version}/diff",
        "/api/sample/prompts/{name}/versions/{version}/render",
        "/api/sample/prompts/{prompt}/promote",
        "/api/sample/prompts/{prompt}/rollback",
        "/api/sample/prompts/{prompt}/split",
        "/api/sample/prompts/{prompt}/stats",
        "/api/sample/shout",
        "/api/sample/shout/stream",
        "/api/sample/tasks",
        "/healthz",
        "/metrics",
        "/readyz",
    ]


async def test_a_task_is_documented_with_its_own_schema_and_example() -> None:
    async with hosted(SERVICE_DESK) as api:
        document = (await api.http.get("/openapi.json")).json()
    operation = document["paths"]["/api/service-desk/open-ticket"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/OpenTicket"}
    assert document["components"]["schemas"]["OpenTicket"]["examples"][0]["impact"] == "team"
    assert sorted(operation["responses"]) == [
        "200", "202", "400", "401", "402", "403", "408", "409", "413", "415", "422", "429", "500", "502", "503", "504",
    ]  # fmt: skip
    assert [parameter["name"] for parameter in operation["parameters"]] == [
        "Idempotency-Key",
        "X-Correlation-ID",
        "Prefer",
        "traceparent",
    ]


async def test_the_document_and_its_page_are_served(api: Hosted) -> None:
    page = await api.http.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_an_input_model_that_takes_a_name_of_the_apis_own_is_refused() -> None:
    class Result(BaseModel):
        text: str

    agent = Agent("broken", description="")

    async def work(given: Result, ctx: Context) -> Outcome:
        return Outcome(output=given)

    work.__annotations__ = {"given": Result, "ctx": Context, "return": Outcome}
    agent.task()(work)
    with pytest.raises(ValueError, match="broken: rename the input models Result"):
        inputs_of(agent)
