"""Several replicas of one agent: names, ports, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance
from cli.local.manifest import read_manifest
from cli.local.platform import Platform, plan
from cli.local.replicas import port_uses, replicas_of
from cli.local.settings import parse_replicas, read_settings

ROOT = Path(__file__).parents[3]
ALL_NINE = "notification=9,devops=9,test-planning=9,implementation=9,service-desk=9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "dapr.yaml", tmp_path)
    shutil.copytree(ROOT / "components" / "redis", tmp_path / "components" / "redis")
    return tmp_path


def planned(folder: Path, offset: int = 0, **environment: str) -> Platform:
    return plan(Instance(root=folder, run=folder / ".run", offset=offset, environment=environment))


def refusal(folder: Path, **environment: str) -> CommandError:
    with pytest.raises(CommandError) as error:
        planned(folder, 0, **environment)
    return error.value


def test_without_a_word_there_is_one_replica_of_each_agent(folder: Path) -> None:
    assert [replica.name for replica in planned(folder).replicas] == [
        "notification",
        "devops",
        "test-planning",
        "implementation",
        "service-desk",
    ]


def test_replicas_share_the_app_id_and_have_names_and_ports_of_their_own(folder: Path) -> None:
    replicas = planned(folder, AGENTS_REPLICAS="implementation=3").replicas
    ours = [replica for replica in replicas if replica.app.app_id == "implementation"]
    assert [(one.name, one.sidecar) for one in ours] == [
        ("implementation", "implementation.daprd"),
        ("implementation-2", "implementation-2.daprd"),
        ("implementation-3", "implementation-3.daprd"),
    ]
    assert [port for name, _, port in port_uses(ours) if name == "implementation-3"] == [
        5273,
        3524,
        3624,
        3824,
        3724,
    ]
    assert {one.app.placement_host_address for one in ours} == {"127.0.0.1:50005"}
    assert len(replicas) == 7


@pytest.mark.parametrize("offset", [0, 1000])
def test_nine_replicas_of_everything_fit_beside_each_other_and_the_control_plane(
    folder: Path, offset: int
) -> None:
    platform = planned(folder, offset, AGENTS_REPLICAS=ALL_NINE)
    assert len(platform.replicas) == 45
    assert [app.app_id for app in platform.apps][:2] == ["notification", "devops"]


def test_all_ports_that_collide_are_named_together(folder: Path) -> None:
    manifest = folder / "dapr.yaml"
    manifest.write_text(
        manifest.read_text().replace("appPort: 7108", "appPort: 3514").replace("7010", "3892")
    )
    refused = refusal(folder, AGENTS_REPLICAS="implementation=2")
    assert refused.message == (
        "ports do not fit together:\n"
        "  3514: devops, app and implementation-2, sidecar HTTP\n"
        "  3892: test-planning, app and placement, raft"
    )
    assert refused.code == ExitCode.INVALID


def test_a_port_of_a_replica_beyond_the_last_one_is_refused(folder: Path) -> None:
    manifest = folder / "dapr.yaml"
    manifest.write_text(manifest.read_text().replace("appPort: 7108", "appPort: 65530"))
    assert "65540: devops-2, app: ports end at 65535" in refusal(folder, AGENTS_REPLICAS="devops=2").message


def test_an_agent_that_does_not_exist_is_refused_with_the_nearest_name(folder: Path) -> None:
    refused = refusal(folder, AGENTS_REPLICAS="implementaton=2")
    assert refused.message == "replicas of 'implementaton': there is no such agent"
    assert (refused.hint, refused.code) == ("did you mean implementation?", ExitCode.NOT_FOUND)


def test_a_replica_whose_name_is_another_agent_s_is_refused(folder: Path) -> None:
    apps = read_manifest(folder / "dapr.yaml")
    other = apps[1].model_copy(update={"app_id": "notification-2"})
    with pytest.raises(CommandError, match="the name notification-2 is needed for a replica of notification"):
        replicas_of([apps[0], other], {"notification": 2})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("implementation", "'implementation' is not AGENT=NUMBER, as implementation=3"),
        ("=3", "'=3' is not AGENT=NUMBER"),
        ("devops=many", "devops can have 1 to 9 replicas, not 'many'"),
        ("devops=0", "devops can have 1 to 9 replicas, not '0'"),
        ("devops=10", "devops can have 1 to 9 replicas, not '10'"),
        ("devops=-1", "devops can have 1 to 9 replicas, not '-1'"),
        ("devops=", "devops can have 1 to 9 replicas, not 'nothing'"),
        ("devops=2,devops=3", "devops is given twice: 2 and 3"),
    ],
)
def test_a_wrong_number_of_replicas_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_replicas(text)
    with pytest.raises(CommandError, match=f"AGENTS_REPLICAS is '{text}': {told}"):
        read_settings({"AGENTS_REPLICAS": text})


def test_replicas_are_given_with_commas_and_blanks_or_not_at_all() -> None:
    assert parse_replicas("a=2, b=1,,") == {"a": 2, "b": 1}
    assert read_settings({"AGENTS_REPLICAS": ""}).replicas == {}
