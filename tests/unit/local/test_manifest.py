from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.manifest import App, ports_of, read_manifest, shifted

GOOD = """\
version: 1
common:
  logLevel: warn
  env: {A: common, B: 1}
  placementHostAddress: 127.0.0.1:50005
apps:
  - appID: one
    appDirPath: .
    appPort: 7001
    daprHTTPPort: 3501
    daprGRPCPort: 3601
    metricsPort: 3701
    daprInternalGRPCPort: 3801
    command: [python, -m, one]
    env: {A: own}
"""


def read(tmp_path: Path, text: str) -> list[App]:
    path = tmp_path / "dapr.yaml"
    path.write_text(text)
    return read_manifest(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(CommandError) as error:
        read(tmp_path, text)
    assert error.value.code == ExitCode.INVALID
    assert str(tmp_path / "dapr.yaml") in error.value.message
    return error.value.message


def test_common_fills_in_what_an_app_leaves_out_and_env_key_by_key(tmp_path: Path) -> None:
    (app,) = read(tmp_path, GOOD)
    assert app.log_level == "warn"
    assert app.env == {"A": "own", "B": 1}


def test_an_unknown_key_is_named_with_its_line_and_the_allowed_keys(tmp_path: Path) -> None:
    told = refusal(tmp_path, GOOD.replace("appPort:", "appport:"))
    assert (
        "line 9: unknown key 'apps[0].appport'; allowed here: apiListenAddresses, appChannelAddress, " in told
    )
    assert "'apps[0].appPort' is missing" in told


def test_an_unknown_key_in_common_names_the_keys_of_common(tmp_path: Path) -> None:
    told = refusal(tmp_path, GOOD.replace("logLevel", "loglevel"))
    assert "line 3: unknown key 'common.loglevel'; allowed here: " in told
    assert "appID" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'the file': Input should be a valid dictionary"),
        ("version: 1\napps: []\n", "List should have at least 1 item"),
        (GOOD.replace("version: 1", "version: 2"), "line 1: 'version': Input should be 1, it is 2"),
        (
            GOOD.replace("7001", "'7001'"),
            "line 9: 'apps[0].appPort': Input should be a valid integer, it is '7001'",
        ),
        (GOOD.replace("7001", "70010"), "less than or equal to 65535, it is 70010"),
        (GOOD.replace("appID: one", "appID: One/../x"), "'apps[0].appID': String should match pattern"),
        (GOOD.replace("7001", "3501"), "port 3501 is given to one (app) and to one (sidecar HTTP)"),
        (
            GOOD + GOOD[GOOD.index("  - appID: one") :].replace("700", "710").replace("350", "360"),
            "app-id one is given to one (appID) and to one (appID)",
        ),
        (GOOD + "\tx", "not YAML"),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(tmp_path, text)


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"dapr\.yaml: No such file or directory"):
        read_manifest(tmp_path / "dapr.yaml")


def test_an_offset_moves_every_port_and_address(tmp_path: Path) -> None:
    app = shifted(read(tmp_path, GOOD)[0], 1000)
    assert list(ports_of(app).values()) == [8001, 4501, 4601, 4801, 4701]
    assert app.placement_host_address == "127.0.0.1:51005"
    assert app.scheduler_host_address is None


def test_the_project_s_own_file_gives_the_five_agents_their_ports() -> None:
    ports = {
        app.app_id: (app.app_port, app.dapr_http_port, app.dapr_grpc_port, app.metrics_port)
        for app in read_manifest(Path(__file__).parents[3] / "dapr.yaml")
    }
    assert (
        ports
        | {
            "notification": (7268, 3501, 3601, 3701),
            "devops": (7108, 3502, 3602, 3702),
            "test-planning": (7010, 3503, 3603, 3703),
            "implementation": (5253, 3504, 3604, 3704),
            "service-desk": (7145, 3505, 3605, 3705),
        }
        == ports
    )
