"""A model that gives the answers a test wants, by prompt; to other prompts the smallest that fits."""

from __future__ import annotations

from typing import Any

from domain import json
from domain.chat import ChatRequest
from infrastructure.memory.model import ScriptedModel, answer_by_schema


def answering(**answers: Any) -> ScriptedModel:
    """`answers` maps prompts, with `_` for `-`, to what the model answers them."""

    def script(request: ChatRequest) -> str:
        if request.output_name in answers:
            return json.dump(answers[request.output_name]).decode()
        return answer_by_schema(request)

    return ScriptedModel(script)


def told(model: ScriptedModel) -> str:
    """What the model was told in its latest request, all messages together."""
    return "\n".join(message.content for message in model.requests[-1].messages)
