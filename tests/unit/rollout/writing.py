"""An agent that asks one prompt, in several versions, and a model that answers by version."""

from __future__ import annotations

import json

from pydantic import BaseModel, Field

from agents.runtime import Agent, Context, Outcome
from domain.chat import ChatReply, ChatRequest, Usage
from domain.errors import Rejected
from infrastructure.memory.model import ScriptedModel
from infrastructure.memory.prompts import MemoryPrompts, simple_prompt

VERSIONS = ("1.0.0", "1.1.0", "1.2.0")


class Wish(BaseModel):
    subject: str


class Poem(BaseModel):
    text: str = Field(max_length=100)


def writer() -> Agent:
    """`write` asks the prompt of that name; a poem of "no" is rejected by the handler."""
    agent = Agent("writer", description="Writes.")
    poem = agent.prompt("write", takes=Wish, returns=Poem)

    async def write(wish: Wish, ctx: Context) -> Outcome:
        written = await ctx.ask(poem, wish)
        if written.text == "no":
            raise Rejected("that is no poem")
        return Outcome(output=written)

    write.__annotations__ = {"wish": Wish, "ctx": Context, "return": Outcome}
    agent.task()(write)
    return agent


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string", "maxLength": 100}},
}


def prompts() -> MemoryPrompts:
    """Three releases, a draft, one that is deprecated, and one that no answer of which fits."""
    made = [
        simple_prompt("write", f"{version}: {{{{$subject}}}}", version=version, output_schema=SCHEMA)
        for version in (*VERSIONS, "0.9.0", "1.3.0")
    ]
    unfit = simple_prompt("write", "{{$colour}}", version="1.1.5", output_schema=SCHEMA)
    return MemoryPrompts(*made, unfit, drafts=[("write", "1.3.0")], deprecated=[("write", "0.9.0")])


class ByVersion:
    """A script for the model: what is answered to a version, and how many tokens it takes."""

    def __init__(self, **answers: str) -> None:
        self.answers = {name[1:].replace("_", "."): text for name, text in answers.items()}
        self.tokens: dict[str, int] = {}

    def __call__(self, request: ChatRequest) -> ChatReply:
        version = request.messages[0].content.partition(":")[0]
        text = self.answers.get(version, json.dumps({"text": "a poem"}))
        return ChatReply(text=text, model="scripted", usage=Usage(self.tokens.get(version, 10), 5))

    def model(self) -> ScriptedModel:
        return ScriptedModel(self)
