from __future__ import annotations

from agents.implementation import AGENT
from domain.chat import Origin
from infrastructure.memory.model import ScriptedModel
from infrastructure.testing.platform import MemoryPlatform


async def test_a_model_is_told_which_execution_asks_it_by_which_prompt_also_when_it_is_shown_its_error() -> (
    None
):
    model = ScriptedModel(["no JSON", '{"findings": [], "summary": "Fine."}', '{"findings": []}'])
    async with MemoryPlatform([AGENT], model=model) as platform:
        execution = await platform.execute(
            "implementation",
            "review-code",
            {"files": [{"path": "a.py", "language": "python", "content": "x = 1\n"}]},
            correlation_id="chain-7",
        )
    origin = Origin("implementation", "review-code", execution.id, "chain-7", "review-code", "1.0.0")
    assert {request.origin for request in model.requests} == {origin}
    assert len(model.requests) >= 2
