"""Prompts for tests, from the parts that matter to them."""

from __future__ import annotations

from domain.prompt import Prompt
from infrastructure.prompts.reading.file import read_prompt


def prompt_text(template: str, form: str, *variables: str) -> str:
    """A whole file; a variable is a name, and may end with further keys, as in `who, default: you`."""
    indented = "\n".join(f"  {line}" if line else "" for line in template.split("\n"))
    declared = ", ".join(f"{{name: {variable}}}" for variable in variables)
    return (
        f"name: ask\ndescription: Asks.\ntemplate_format: {form}\ntemplate: |\n{indented}\n"
        f"input_variables: [{declared}]\nexecution_settings: {{default: {{max_tokens: 400}}}}\n"
    )


def make_prompt(template: str, form: str, *variables: str) -> Prompt:
    file = read_prompt(
        prompt_text(template, form, *variables).encode(), file="1.0.0.yaml", name="ask", version="1.0.0"
    )
    assert file.problems == ()
    assert file.prompt
    return file.prompt
