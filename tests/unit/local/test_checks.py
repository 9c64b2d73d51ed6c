"""What `agents doctor` says about a Redis and a disk that fill up, about settings and the files that they name."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
import yaml

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import checks
from cli.local.instance import Instance
from cli.local.redis import Condition

ROOT = Path(__file__).parents[3]
GOOD = Condition("6.2.14", used_bytes=2**20, max_bytes=2**30, policy="noeviction", append_only=True)


class Answering:
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


def told(monkeypatch: pytest.MonkeyPatch, **differing: Any) -> list[tuple[str, str]]:
    found = Condition(**{**vars(GOOD), **differing})
    monkeypatch.setattr(checks, "plan", lambda _: SimpleNamespace(redis="127.0.0.1:6379"))
    monkeypatch.setattr(checks, "Redis", Answering)
    monkeypatch.setattr(checks, "condition", lambda _: found)
    instance = Instance(root=Path(), run=Path(), offset=0, environment={})
    return [(finding.level, finding.text) for finding in checks.about_redis(instance)]


def test_a_redis_that_keeps_what_it_gets_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch) == [("ok", "6.2.14 answers at 127.0.0.1:6379")]


@pytest.mark.parametrize(("share", "level"), [(0.76, "note"), (0.91, "wrong")])
def test_a_redis_that_fills_up_is_told_before_it_is_full(
    monkeypatch: pytest.MonkeyPatch, share: float, level: str
) -> None:
    found = told(monkeypatch, used_bytes=int(share * 2**30))
    assert found[1][0] == level
    assert found[1][1].startswith(f"{share:.0%} of its 1,024 MiB are used")


def test_a_redis_just_below_three_quarters_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(told(monkeypatch, used_bytes=int(0.74 * 2**30))) == 1


def test_a_redis_without_a_limit_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, max_bytes=0)[1][0] == "note"


def test_a_redis_that_drops_or_forgets_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    evicting = told(monkeypatch, policy="allkeys-lru")
    assert evicting[1] == (
        "wrong",
        "maxmemory-policy is allkeys-lru: full, it drops work that is not done; set it to noeviction",
    )
    assert told(monkeypatch, append_only=False)[1] == (
        "wrong",
        "appendonly is off: a restart loses work that was accepted; set it to yes",
    )


@pytest.mark.parametrize(
    ("free", "level", "text"), [(50e9, "ok", "50 GB"), (9.5e9, "note", "9.5 GB"), (0.9e9, "wrong", "0.9 GB")]
)
def test_a_disk_that_fills_up_is_told_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, level: str, text: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    instance = Instance(root=tmp_path, run=tmp_path / ".run", offset=0, environment={"HOME": str(tmp_path)})
    data = next(checks.about_disk(instance))
    assert (data.level, data.text) == (level, f"data: {text} free in {tmp_path / '.run'}")


def test_the_files_of_models_and_of_keys_are_looked_at_where_the_settings_name_them(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {}\n")
    (tmp_path / "keys.yaml").write_text("keys:\n- {id: 7}\n")
    named = {"AGENTS_MODELS": "models.yaml", "AGENTS_API_KEYS": "keys.yaml"}
    instance = Instance(root=tmp_path, run=tmp_path, offset=0, environment=named)
    (models,) = checks.about_models(instance)
    assert (models.level, "models.yaml" in models.text) == ("wrong", True)
    wrong = [*checks.about_api_keys(instance)]
    assert {one.level for one in wrong} == {"wrong"}
    assert f"{tmp_path / 'keys.yaml'}:2" in wrong[0].text
    (tmp_path / "keys.yaml").write_text("keys: []\n")
    assert [one.level for one in checks.about_api_keys(instance)] == ["ok"]
    instance = Instance(root=tmp_path, run=tmp_path, offset=0, environment={})
    assert not [*checks.about_models(instance), *checks.about_api_keys(instance)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "dapr.yaml", tmp_path)
    shutil.copytree(ROOT / "components" / "redis", tmp_path / "components" / "redis")
    return tmp_path


def of(project: Path, **environment: str) -> Instance:
    given = {"LLM_PROVIDER": "openai", "OPENAI_MODEL": "m", "OPENAI_API_KEY": "sk-x", **environment}
    return Instance(root=project, run=project / ".run", offset=0, environment=given)


def test_a_setting_that_no_agent_would_take_is_named_once_with_its_cure(project: Path) -> None:
    assert [one.level for one in checks.about_settings(of(project))] == ["ok"]
    wrong = of(project, AGENTS_CORS_ORIGINS="https://a:99999", AGENTS_GRACE="-1")
    first, second = checks.about_settings(wrong)
    assert (first.check, first.level, second.level) == ("settings", "wrong", "wrong")
    assert first.text.startswith(
        "AGENTS_CORS_ORIGINS: must be the origins of web pages as browsers send them"
    )
    assert "Number 1 has a port that is none: 1 to 65535" in first.text
    assert "99999" not in first.text  # no value is ever shown: it may be a secret
    assert second.text.startswith("AGENTS_GRACE: Input should be greater than or equal to 0")


def test_a_setting_of_one_agent_in_the_manifest_is_told_with_its_name(project: Path) -> None:
    manifest = yaml.safe_load((project / "dapr.yaml").read_text())
    manifest["apps"][1]["env"] = {"AGENTS_CORS_ORIGINS": "*"}
    (project / "dapr.yaml").write_text(yaml.safe_dump(manifest))
    (wrong,) = checks.about_settings(of(project))
    assert wrong.text.startswith("devops: AGENTS_CORS_ORIGINS: must be the origins")


def test_nothing_is_started_with_files_or_settings_that_every_agent_would_refuse(project: Path) -> None:
    checks.require_no_fault(of(project))
    (project / "models.yaml").write_text("models: {}\n")
    (project / "keys.yaml").write_text("keys:\n- {id: 7}\n")
    with pytest.raises(CommandError) as refused:
        checks.require_no_fault(
            of(project, AGENTS_MODELS="models.yaml", AGENTS_API_KEYS="keys.yaml", AGENTS_GRACE="-1")
        )
    assert refused.value.code == ExitCode.INVALID
    for said in (
        f"{project / 'models.yaml'}:1:",
        f"{project / 'keys.yaml'}:2",
        "AGENTS_GRACE: Input should be",
    ):
        assert said in refused.value.message
    assert refused.value.hint == "nothing was started; agents doctor looks again"
