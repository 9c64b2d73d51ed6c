"""What stops a start: each wrong setting by its name and what is allowed, and never with a secret."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.host import __main__ as host
from infrastructure.host.settings import Settings, settings_of

ROOT = Path(__file__).parents[3]
SECRET = "sk-hunter2-hunter2"
KEPT = {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in set(os.environ) - KEPT:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def refusal(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], target: str = "") -> str:
    environment.setattr(sys, "argv", ["host", target or "agents.service_desk:AGENT"])
    with pytest.raises(SystemExit) as stopped:
        host.main()
    assert stopped.value.code == 78
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"LLM_PROVIDER": "gemini"}, "LLM_PROVIDER: Input should be 'ollama', 'azure-openai' or 'openai'"),
        ({"LLM_PROVIDER": "openai", "OPENAI_API_KEY": SECRET}, "LLM_PROVIDER=openai needs OPENAI_MODEL"),
        ({"LLM_PROVIDER": "openai", "OPENAI_MODEL": "m"}, "LLM_PROVIDER=openai needs OPENAI_API_KEY"),
        (
            {"LLM_PROVIDER": "azure-openai"},
            "LLM_PROVIDER=azure-openai needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_DEPLOYMENT",
        ),
        ({"OPENAI_BASE_URL": SECRET}, "OPENAI_BASE_URL: must be an address like https://host"),
        ({"OPENAI_BASE_URL": f"https://me:{SECRET}@host/v1"}, "OPENAI_BASE_URL: holds a user or a password"),
        ({"AZURE_OPENAI_ENDPOINT": SECRET}, "AZURE_OPENAI_ENDPOINT: must be an address like https://host"),
        ({"OLLAMA_HOST": "ftp://x"}, "OLLAMA_HOST: must be host, host:port or http://host:port"),
        ({"AGENTS_MODEL_CLIENT": SECRET}, "AGENTS_MODEL_CLIENT: Input should be 'lean', 'openai' or 'semantic-kernel'"),
        ({"APP_PORT": SECRET}, "APP_PORT: Input should be a valid integer"),
        ({"APP_PORT": "0"}, "APP_PORT: Input should be greater than or equal to 1"),
        ({"APP_PORT": "65536"}, "APP_PORT: Input should be less than or equal to 65535"),
        ({"DAPR_GRPC_PORT": "99999"}, "DAPR_GRPC_PORT: Input should be less than or equal to 65535"),
        (
            {"AGENTS_HOST": "0.0.0.0"},
            "AGENTS_HOST=0.0.0.0 is reachable from outside: set APP_API_TOKEN, which the sidecar shows; and AGENTS_OIDC_ISSUER",
        ),
        ({"AGENTS_HOST": "::"}, "AGENTS_HOST=:: is reachable from outside: set APP_API_TOKEN"),
        ({"AGENTS_HOST": "0.0.0.0", "APP_API_TOKEN": SECRET}, "is reachable from outside: set AGENTS_OIDC_ISSUER and"),
        ({"AGENTS_HOST": "0.0.0.0", "AGENTS_API_KEYS": "keys.yaml"}, "set APP_API_TOKEN, which the sidecar shows. Or listen"),
        ({"AGENTS_OIDC_ISSUER": "https://login.example"}, "AGENTS_OIDC_ISSUER and AGENTS_OIDC_AUDIENCE belong together"),
        ({"AGENTS_OIDC_AUDIENCE": "api://agents"}, "AGENTS_OIDC_ISSUER and AGENTS_OIDC_AUDIENCE belong together"),
        ({"AGENTS_OIDC_ISSUER": "http://login.example"}, "AGENTS_OIDC_ISSUER: must be an https:// address"),
        ({"AGENTS_OIDC_ISSUER": f"https://me:{SECRET}@login.example"}, "AGENTS_OIDC_ISSUER: must be an https:// address"),
        ({"AGENTS_OIDC_AUDIENCE": "a,,b"}, "AGENTS_OIDC_AUDIENCE: must be one name, or several with commas between"),
        ({"AGENTS_RATE_LIMIT": "-1"}, "AGENTS_RATE_LIMIT: Input should be greater than or equal to 0"),
        ({"AGENTS_RATE_LIMIT": "nan"}, "AGENTS_RATE_LIMIT: Input should be"),
        ({"AGENTS_CORS_ORIGINS": "*"}, "AGENTS_CORS_ORIGINS: must be the origins of web pages as browsers send them"),
        ({"AGENTS_CORS_ORIGINS": "https://a.example,*"}, "There is no *: name those that you trust"),
        ({"AGENTS_CORS_ORIGINS": "https://a.example/"}, "AGENTS_CORS_ORIGINS: must be the origins"),
        ({"AGENTS_CORS_ORIGINS": "https://*.example"}, "AGENTS_CORS_ORIGINS: must be the origins"),
        ({"AGENTS_CORS_ORIGINS": "https://A.example"}, "AGENTS_CORS_ORIGINS: must be the origins"),
        ({"AGENTS_CORS_ORIGINS": "null"}, "AGENTS_CORS_ORIGINS: must be the origins"),
        ({"AGENTS_CORS_ORIGINS": "a.example"}, "AGENTS_CORS_ORIGINS: must be the origins"),
        ({"AGENTS_CORS_ORIGINS": f"https://me:{SECRET}@a.example"}, "AGENTS_CORS_ORIGINS: must be the origins"),
        ({"AGENTS_CORS_ORIGINS": "https://a.example, https://a:99999"}, "Number 2 has a port that is none: 1 to 65535"),
        ({"AGENTS_HOST": "0.0.0.0", "APP_API_TOKEN": ""}, "AGENTS_HOST=0.0.0.0 is reachable from outside"),
        ({"APP_API_TOKEN": SECRET + "\n"}, "APP_API_TOKEN: must be visible ASCII characters without blanks and line ends"),
        ({"DAPR_API_TOKEN": "schlüssel-" + SECRET}, "DAPR_API_TOKEN: must be visible ASCII characters"),
        ({"AGENTS_LEASE": "5"}, "AGENTS_LEASE, AGENTS_REDELIVERY_AFTER: a lease of 5.0 s does not fit a redelivery after 3.0 s"),
        ({"AGENTS_LEASE": "nan"}, "AGENTS_LEASE"),
        ({"AGENTS_REDELIVERY_AFTER": "soon"}, "AGENTS_REDELIVERY_AFTER: Input should be a valid number"),
        ({"AGENTS_RETENTION_DAYS": "0"}, "AGENTS_RETENTION_DAYS: Input should be greater than or equal to 1"),
        ({"AGENTS_HTTP_PATIENCE": "inf"}, "AGENTS_HTTP_PATIENCE: Input should be less than or equal to 86400"),
        ({"AGENTS_HTTP_PATIENCE": "nan"}, "AGENTS_HTTP_PATIENCE: Input should be"),
        ({"AGENTS_GRACE": "-1"}, "AGENTS_GRACE: Input should be greater than or equal to 0"),
        ({"AGENTS_MAX_BODY_BYTES": "17000000"}, "AGENTS_MAX_BODY_BYTES: Input should be less than or equal to 16777216"),
        ({"AGENTS_MAX_EVENT_BYTES": "10"}, "AGENTS_MAX_EVENT_BYTES: Input should be greater than or equal to 1000"),
        ({"AGENTS_DELIVERY": "pull"}, "AGENTS_DELIVERY: Input should be 'stream' or 'push'"),
        ({"AGENTS_LOG_LEVEL": "loud"}, "AGENTS_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ({"AGENTS_LOG_FORMAT": "xml"}, "AGENTS_LOG_FORMAT: Input should be 'auto', 'json' or 'human'"),
        ({"AGENTS_NOTIFICATION_WEBHOOK_URL": SECRET}, "AGENTS_NOTIFICATION_WEBHOOK_URL: Input should be a valid URL"),
        ({"AGENTS_SMTP_PORT": "mail"}, "AGENTS_SMTP_PORT: Input should be a valid integer"),
        ({"AGENTS_SMTP_STARTTLS": "perhaps"}, "AGENTS_SMTP_STARTTLS: Input should be a valid boolean"),
        ({"AGENTS_NOTIFICATION_RECIPIENTS": "a@b, nobody"}, "AGENTS_NOTIFICATION_RECIPIENTS: must be e-mail addresses, separated by commas"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_is_allowed(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    says: str,
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    shown = refusal(environment, capsys)
    assert shown.startswith(
        "service-desk: these settings cannot be used (`agents doctor --settings` explains"
    )
    assert says in shown
    assert SECRET not in shown


def test_every_wrong_setting_is_named_at_once(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("APP_PORT", "x")
    environment.setenv("LLM_PROVIDER", "x")
    shown = refusal(environment, capsys)
    assert "APP_PORT" in shown
    assert "LLM_PROVIDER" in shown


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("agents.nothing:AGENT", "agents.nothing:AGENT names no agent: No module named 'agents.nothing'"),
        (
            "agents.service_desk:NOBODY",
            "names no agent: module 'agents.service_desk' has no attribute 'NOBODY'",
        ),
        ("json:dumps", "json:dumps is function, not an Agent"),
        ("agents.service_desk", "usage: python -m infrastructure.host MODULE:ATTRIBUTE"),
        (":", "usage:"),
        ("..:x", "usage:"),
        ("a:b:c", "usage:"),
        ("a/b:c", "usage:"),
    ],
)
def test_a_target_that_is_no_agent_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], target: str, says: str
) -> None:
    assert says in refusal(environment, capsys, target)


def test_an_env_file_that_is_no_text_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / ".env").write_bytes(b"APP_PORT=\xff\xfe")
    assert "the file .env cannot be read" in refusal(environment, capsys)


def test_a_process_that_cannot_start_says_why_in_a_line_and_exits_with_78(tmp_path: Path) -> None:
    """The same from outside, side by side: no traceback, no secret, nothing on stdout."""
    broken = tmp_path / "prompts" / "service-desk" / "triage"
    broken.mkdir(parents=True)
    (broken / "1.0.0.yaml").write_text("name: triage\nnonsense: true\n")
    keys = tmp_path / "keys.yaml"
    keys.write_text(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        starts = {
            "LLM_PROVIDER: Input should be": {"LLM_PROVIDER": "gemini"},
            f"cannot listen on 127.0.0.1:{port} (AGENTS_HOST, APP_PORT): Address already in use": {
                "APP_PORT": port
            },
            f"{broken / '1.0.0.yaml'}": {"AGENTS_PROMPTS": str(tmp_path / "prompts")},
            f"{keys}:1:1: error: this is no file of API keys": {"AGENTS_API_KEYS": str(keys)},
            "none.yaml:1:1: error: cannot be read": {"AGENTS_API_KEYS": str(tmp_path / "none.yaml")},
            "the agent service-desk and its prompts disagree": {"AGENTS_PROMPTS": str(tmp_path / "nowhere")},
        }
        processes = [start(tmp_path, variables | {"APP_API_TOKEN": SECRET}) for variables in starts.values()]
        for says, process in zip(starts, processes, strict=True):
            out, err = process.communicate(timeout=100)
            assert process.returncode == 78, err
            assert says in err
            assert "Traceback" not in err
            assert SECRET not in out + err
            assert len(err.splitlines()) < 15


def test_what_a_shell_calls_host_or_a_platform_port_is_no_setting(environment: pytest.MonkeyPatch) -> None:
    before = Settings()
    for name, value in {"HOST": "0.0.0.0", "PORT": "1", "MODELS": "m.yaml", "OLLAMA_host": "else"}.items():
        environment.setenv(name, value)
    assert Settings() == before


def test_settings_of_an_environment_are_those_of_a_process_that_has_it(
    environment: pytest.MonkeyPatch,
) -> None:
    given = {"AGENTS_LEASE": "1.5", "AGENTS_PROMPT_DRAFTS": "1", "AGENTS_PROMPTS": "p", "AGENTS_MODELS": ""}
    environment.setenv("AGENTS_GRACE", "1")
    asked = settings_of(given)
    environment.delenv("AGENTS_GRACE")
    for name, value in given.items():
        environment.setenv(name, value)
    assert asked.model_dump() == Settings().model_dump()


def start(folder: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in KEPT & set(os.environ)}
    prompts = {"AGENTS_PROMPTS": str(ROOT / "prompts")}
    return subprocess.Popen(
        [sys.executable, "-m", "infrastructure.host", "agents.service_desk:AGENT"],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT)} | prompts | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
