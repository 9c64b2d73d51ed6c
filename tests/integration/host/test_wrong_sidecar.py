"""An agent beside a sidecar that is not its own, or has other components: it is not ready, and says what to do."""

from __future__ import annotations

import pytest

from infrastructure.dapr.creating import unfit
from infrastructure.dapr.sidecar import Sidecar
from tests.support.processes import Daprd

pytestmark = pytest.mark.integration


async def test_a_sidecar_of_another_app_id_is_told_with_both(sidecar: Daprd) -> None:
    connection = Sidecar(sidecar.address)
    said = await unfit(connection, "devops", "agents-pubsub")
    await connection.close()
    assert said is not None
    assert "is that of the app-id 'tests', this agent is 'devops'" in said
    assert said.endswith("with --app-id devops")


async def test_a_component_that_is_not_there_is_told_with_those_that_are(sidecar: Daprd) -> None:
    connection = Sidecar(sidecar.address)
    said = await unfit(connection, "tests", "agents-pubsubb", "agents-statestore")
    await connection.close()
    assert said is not None
    assert said.startswith(
        "the sidecar has not loaded agents-pubsubb; it has agents-pubsub, agents-secrets, agents-statestore: "
    )
    assert "AGENTS_PUBSUB" in said
