"""The command line: help, errors and exit codes, each as a user sees them."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS

ROOT = Path(__file__).parents[3]
OURS = ["up", "down", "reset", "backup", "restore", "status", "logs", "mail", "doctor", "provision"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "dapr.yaml", tmp_path)
    shutil.copytree(ROOT / "components" / "redis", tmp_path / "components" / "redis")
    return tmp_path


def agents(folder: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_names_every_command_and_the_exit_codes(folder: Path) -> None:
    told = agents(folder, "--help").stdout
    assert all(f"  {name} " in told for name in COMMANDS)
    assert "Exit codes:" in told


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_an_example_and_json(folder: Path, name: str) -> None:
    told = agents(folder, name, "--help").stdout
    assert "Example: agents " in told
    assert "--json" in told


@pytest.mark.parametrize("words", [["fly"], ["up", "--wings"], ["logs", "-n", "x"], ["up", "--json"]])
def test_wrong_usage_is_2(folder: Path, words: list[str]) -> None:
    done = agents(folder, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_nothing_running_is_3_and_says_what_to_type(folder: Path) -> None:
    done = agents(folder, "status", AGENTS_PORT_OFFSET="0")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "error: nothing runs here\n  start it: agents up\n"


def test_a_wrong_dapr_yaml_is_6_before_anything_is_built(folder: Path) -> None:
    manifest = folder / "dapr.yaml"
    manifest.write_text(manifest.read_text().replace("appPort: 7268", "appPort: 7268\n    appProt: 1"))
    done = agents(folder, "up", HOME=str(folder / "home"), XDG_CACHE_HOME=str(folder / "cache"))
    assert done.returncode == 6
    assert "unknown key 'apps[0].appProt'; allowed here: " in done.stderr
    assert not (folder / "cache").exists()


def test_a_wrong_offset_is_6(folder: Path) -> None:
    done = agents(folder, "status", AGENTS_PORT_OFFSET="lots")
    assert done.returncode == 6
    assert "AGENTS_PORT_OFFSET is 'lots'" in done.stderr


def test_an_unexpected_error_is_a_message_and_with_debug_a_traceback(folder: Path) -> None:
    (folder / ".env").mkdir()  # nothing reads a folder
    (folder / ".run").write_text("a file where a folder belongs")
    done = agents(folder, "down")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert "Traceback" in agents(folder, "down", AGENTS_DEBUG="1").stderr


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ("devop=2", 9, "error: replicas of 'devop': there is no such agent\n  did you mean devops?"),
        ("devops", 2, "'devops' is not AGENT=NUMBER, as implementation=3"),
        ("devops=0", 2, "devops can have 1 to 9 replicas, not '0'"),
    ],
)
def test_wrong_replicas_are_refused_before_anything_is_started(
    folder: Path, given: str, code: int, told: str
) -> None:
    done = agents(folder, "up", "--replicas", given, AGENTS_PORT_OFFSET="0")
    assert done.returncode == code
    assert told in done.stderr


def test_logs_of_an_agent_are_those_of_its_replicas(folder: Path) -> None:
    logs = folder / ".run" / "logs"
    logs.mkdir(parents=True)
    for name in ("devops", "devops-2", "devops-2.daprd", "devops-tools"):
        (logs / f"{name}.log").write_text(f"{name} speaks\n")
    assert agents(folder, "logs", "devops", "--raw").stdout.splitlines() == [
        "devops-2.daprd speaks",
        "devops-2 speaks",
        "devops speaks",
    ]
    assert agents(folder, "logs", "devops-2", "--raw").stdout.splitlines() == [
        "devops-2.daprd speaks",
        "devops-2 speaks",
    ]


def test_logs_of_an_unknown_agent_are_9(folder: Path) -> None:
    (folder / ".run" / "logs").mkdir(parents=True)
    (folder / ".run" / "logs" / "devops.log").write_text("hello\n")
    done = agents(folder, "logs", "nobody")
    assert done.returncode == 9
    assert "no log of 'nobody'; there are: devops" in done.stderr
    assert agents(folder, "logs", "devops").stdout == "devops │ hello\n"


def test_an_unknown_mail_is_9_and_no_mail_is_none(folder: Path) -> None:
    assert agents(folder, "mail", "m1").returncode == 9
    assert json.loads(agents(folder, "mail", "--json").stdout) == []


def test_a_taken_port_shows_in_doctor(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        manifest = folder / "dapr.yaml"
        manifest.write_text(manifest.read_text().replace("7268", str(port)))
        findings = json.loads(agents(folder, "doctor", "--json").stdout)
    # A running `make up` may hold the others.
    (told,) = [finding["text"] for finding in findings if finding["text"].startswith(f"{port} ")]
    assert told.startswith(f"{port} (notification, app) is taken by ")
    assert f"(pid {os.getpid()})" in told


def test_settings_are_listed_and_secrets_are_not(folder: Path) -> None:
    told = agents(
        folder, "doctor", "--settings", APP_API_TOKEN="very-secret-value", AGENTS_REPLICAS="devops=2"
    ).stdout
    assert "LLM_PROVIDER=ollama\n" in told
    assert "AGENTS_REPLICAS=devops=2\n" in told
    assert "APP_API_TOKEN=" in told
    assert "very-secret-value" not in told
