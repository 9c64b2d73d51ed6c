from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.instance import find_instance


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AGENTS_PORT_OFFSET", "AGENTS_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_it_is_found_from_any_folder_inside(tmp_path: Path) -> None:
    (tmp_path / "dapr.yaml").touch()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    instance = find_instance(inner)
    assert (instance.root, instance.run, instance.offset) == (tmp_path, tmp_path / ".run", 0)


def test_the_shell_wins_over_the_env_file_which_fills_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dapr.yaml").touch()
    (tmp_path / ".env").write_text("# c\nOPENAI_MODEL='from file $HOME'\nLLM_PROVIDER=openai\n")
    monkeypatch.setenv("LLM_PROVIDER", "ollama")
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    environment = find_instance(tmp_path).environment
    assert environment["LLM_PROVIDER"] == "ollama"
    assert environment["OPENAI_MODEL"] == "from file $HOME"


def test_an_offset_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dapr.yaml").touch()
    monkeypatch.setenv("AGENTS_PORT_OFFSET", "1000")
    instance = find_instance(tmp_path)
    assert instance.run == tmp_path / ".run" / "offset-1000"
    assert instance.command("down") == "AGENTS_PORT_OFFSET=1000 agents down"


@pytest.mark.parametrize("offset", ["-1", "15001", "x", "1.5"])
def test_a_wrong_offset_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: str) -> None:
    (tmp_path / "dapr.yaml").touch()
    monkeypatch.setenv("AGENTS_PORT_OFFSET", offset)
    with pytest.raises(CommandError, match="AGENTS_PORT_OFFSET is "):
        find_instance(tmp_path)
