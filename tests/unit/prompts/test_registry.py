from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PromptInvalid
from domain.semver import precedence
from infrastructure.prompts.check import check_folder, main
from infrastructure.prompts.reading.file import read_prompt
from infrastructure.prompts.registry import load_prompts
from tests.unit.prompts.making import prompt_text

GOOD = prompt_text("Hello {{$who}}", "semantic-kernel", "who")


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_prompt_carries_what_its_file_says(tmp_path: Path) -> None:
    text = GOOD.replace(
        "max_tokens: 400", "max_tokens: 400, timeout: 9.5, temperature: 0, top_p: 1.0, seed: 7"
    )
    put(
        tmp_path,
        {"ask/1.2.0.yaml": text, "ask/README.md": "notes", "ask/.1.2.0.yaml.swp": "x", ".git/x/1.yaml": ""},
    )
    prompt = load_prompts(tmp_path).get("ask")
    assert (prompt.name, prompt.version, prompt.description) == ("ask", "1.2.0", "Asks.")
    assert prompt.content_hash == hashlib.sha256(text.encode()).hexdigest()
    assert (prompt.max_tokens, prompt.timeout, prompt.temperature, prompt.top_p, prompt.seed) == (
        400,
        9.5,
        0.0,
        1.0,
        7,
    )
    assert prompt.variables == ("who",)
    assert prompt.output_schema is None


def test_every_error_of_every_file_is_in_one_exception(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "ask/1.0.0.yaml": GOOD,
            "ask/v2.yaml": GOOD,
            "ask/1.1.0.yml": GOOD,
            "ask/1.2.0.yaml": GOOD.replace("name: ask", "name: tell").replace("400", "0"),
            "loose.yaml": GOOD,
        },
    )
    with pytest.raises(PromptInvalid) as caught:
        load_prompts(tmp_path)
    assert caught.value.message == (
        f"the prompts in {tmp_path} cannot be used (5 errors):\n"
        f"  {tmp_path}/ask/1.1.0.yml:1:1: error: the file's name ends with .yml — name it 1.1.0.yaml\n"
        f"  {tmp_path}/ask/1.2.0.yaml:1:7: error: the name is tell, the folder's is ask — give both the same name\n"
        f"  {tmp_path}/ask/1.2.0.yaml:7:44: error: `max_tokens` is 0 — write a whole number from 1 to 32768\n"
        f"  {tmp_path}/ask/v2.yaml:1:1: error: the file's name: 'v2' is not a semantic version such as 1.0.0 or 1.1.0-rc.1 — "
        "name it by its version, such as 1.0.0.yaml\n"
        f"  {tmp_path}/loose.yaml:1:1: error: a prompt file in the wrong place — move it to <prompt>/<version>.yaml"
    )
    assert caught.value.details["problems"][2] == {
        "file": f"{tmp_path}/ask/1.2.0.yaml",
        "line": 7,
        "column": 44,
        "severity": "error",
        "text": "`max_tokens` is 0",
        "cure": "write a whole number from 1 to 32768",
    }


def test_warnings_stop_a_release_and_not_a_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, {"desk/ask/1.0.0.yaml": GOOD.replace("max_tokens: 400", "temperature: 1")})
    registry = load_prompts(tmp_path / "desk")
    assert registry.get("ask").max_tokens == 1024
    assert [problem.severity for problem in registry.problems] == ["warning"]
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--release"]) == 1
    line = (
        f"{tmp_path}/desk/ask/1.0.0.yaml:7:31: warning: no `max_tokens` — "
        "write the length of the longest answer you expect, in tokens\n"
    )
    assert capsys.readouterr().out == line * 2


def test_errors_fail_the_check_of_all_agents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, {"desk/ask/1.0.0.yaml": GOOD, "build/ask/1.yaml": GOOD, "x.yaml": GOOD})
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == (
        f"{tmp_path}/build/ask/1.yaml:1:1: error: the file's name: '1' is not a semantic version such as 1.0.0 or 1.1.0-rc.1 — "
        "name it by its version, such as 1.0.0.yaml\n"
        f"{tmp_path}/x.yaml:1:1: error: a prompt file in the wrong place — move it to <agent>/<prompt>/<version>.yaml\n"
    )


def test_a_folder_that_does_not_exist_holds_no_prompts_and_fails_the_check(tmp_path: Path) -> None:
    with pytest.raises(
        PromptInvalid,
        match=r"there is no prompt ask in .*/none \(there are: none\): add .*/none/ask/1.0.0.yaml",
    ):
        load_prompts(tmp_path / "none").get("ask")
    assert [problem.text for problem in check_folder(tmp_path / "none")] == ["there is no such folder"]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, {"desk/ask/note": ""})
    (tmp_path / "desk/ask/1.0.0.yaml").mkdir()
    assert [problem.text for problem in check_folder(tmp_path)] == ["the file cannot be read: Is a directory"]


def test_versions_are_ordered_as_semver_org_says() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
               "1.0.0", "1.0.2", "1.0.10", "1.2.0", "1.10.0", "2.0.0"]  # fmt: skip
    assert sorted(sorted(ordered), key=precedence) == ordered


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "1.0",
        "v1.0.0",
        "01.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a..b",
        "1.0.0+build",
        " 1.0.0",
        "1.0.0\n",
        "１.0.0",
        "",
    ],
)
def test_what_is_no_semantic_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a semantic version such as"):
        precedence(text)


PIECES = st.sampled_from(
    ["name: ask\n", "template: |\n", "  ", "\t", "{{$x}}", "{{ x }}", "{% if x %}", "{% endif %}", "'", '"', "{", "}", "[", "]", ":", "- ",
     "\n", "<message role='user'>", "</message>", "template_format: jinja2\n", "output_variable:\n", "json_schema: |\n", '{"type": "object"}',
     "&a", "*a", "!!map", "---\n", "? ", "#", "\u2028", "\x85", "\0", "é", "execution_settings: {default: {max_tokens: 5}}\n", "|", ">", "%"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=60))
def test_no_file_makes_the_checker_fail(raw: bytes) -> None:
    file = read_prompt(raw, file="1.0.0.yaml", name="ask", version="1.0.0")
    assert file.prompt or file.problems


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=3))
def test_no_change_of_a_good_file_makes_the_checker_fail(where: int, text: str) -> None:
    raw = (GOOD[:where] + text + GOOD[where + 1 :]).encode(errors="surrogatepass")
    file = read_prompt(raw, file="1.0.0.yaml", name="ask", version="1.0.0")
    assert file.prompt or file.problems
