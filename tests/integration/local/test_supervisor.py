"""`agents up` on real daprd, placement, scheduler and Redis, with stub agents that misbehave."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.local.project import APPS, Project, answers, eventually, get, listening, output_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_everything_is_ready_when_a_detached_start_returns(running: Project) -> None:
    status = running.status()
    assert status["ready"] is True
    assert {one["name"]: one["state"] for one in status["services"]} == {
        "redis": "ready",
        "placement": "ready",
        "scheduler": "ready",
        "mail": "ready",
        "alpha": "ready",
        "alpha.daprd": "ready",
        "beta": "ready",
        "beta.daprd": "ready",
    }
    assert answers(running.sidecar("alpha", "/v1.0/healthz/outbound"), want=204)


def test_a_second_start_says_that_it_runs_already(running: Project) -> None:
    before = running.status()["pid"]
    again = running.agents("up")
    assert again.returncode == 0
    assert f"it runs already (pid {before})" in again.stdout
    assert running.status()["pid"] == before


def test_a_killed_app_answers_again(running: Project) -> None:
    os.kill(running.service("alpha")["pid"], signal.SIGKILL)
    time.sleep(0.05)
    eventually(lambda: answers(running.url("alpha", "/readyz")), within=90)
    after = running.service("alpha")
    assert after["restarts"] == 1
    assert after["last_exit"].startswith("killed by SIGKILL after")


def test_a_killed_sidecar_answers_again(running: Project) -> None:
    os.kill(running.service("alpha.daprd")["pid"], signal.SIGKILL)
    time.sleep(0.05)
    eventually(lambda: answers(running.sidecar("alpha", "/v1.0/healthz/outbound"), want=204), within=90)
    assert running.service("alpha")["restarts"] == 0


@pytest.mark.parametrize("name", ["alpha", "alpha.daprd", "redis"])
def test_a_frozen_process_is_replaced(running: Project, name: str) -> None:
    frozen = running.service(name)["pid"]
    os.kill(frozen, signal.SIGSTOP)

    def replaced() -> bool:
        one = running.service(name)
        return one["state"] == "ready" and one["pid"] not in {None, frozen}

    eventually(replaced, within=90)
    assert "stopped (SIGSTOP)" in running.service(name)["last_exit"]


def test_killed_redis_keeps_what_was_written(running: Project) -> None:
    state = running.sidecar("alpha", "/v1.0/state/agents-statestore")
    done = subprocess.run(
        ["curl", "-sS", "-X", "POST", state, "-d", '[{"key": "k", "value": "kept"}]'],
        check=True,
        capture_output=True,
    )
    assert done.stdout == b""
    time.sleep(1.2)  # appendfsync everysec
    killed = running.service("redis")["pid"]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: running.service("redis")["pid"] not in {None, killed}, within=90)
    eventually(lambda: get(f"{state}/k") == '"kept"', within=90)


def test_replicas_run_beside_each_other_and_a_killed_one_is_replaced(project: Project) -> None:
    done = project.agents("up", "--detach", "--replicas", "alpha=3", "--timeout", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    app, sidecar = (port + project.offset for port in APPS["alpha"][:2])
    for name, further in (("alpha", 0), ("alpha-2", 10), ("alpha-3", 20)):
        row = rf"^{name} +http://127.0.0.1:{app + further} +http://127.0.0.1:{sidecar + further}$"
        assert re.search(row, done.stdout, re.MULTILINE), done.stdout
    before = {one["name"]: one for one in project.status()["services"] if one["agent"] == "alpha"}
    assert sorted(before) == ["alpha", "alpha-2", "alpha-2.daprd", "alpha-3", "alpha-3.daprd", "alpha.daprd"]
    assert {one["state"] for one in before.values()} == {"ready"}
    assert project.status()["agents"][0] == {
        "agent": "alpha",
        "replicas": 3,
        "waiting": 0,
        "in_work": 0,
        "oldest_s": None,
        "redeliveries": None,  # the stub has no metrics
    }
    for further in (0, 10, 20):
        told = json.loads(get(f"http://127.0.0.1:{sidecar + further}/v1.0/metadata"))
        assert told["id"] == "alpha"

    os.kill(before["alpha-2"]["pid"], signal.SIGKILL)
    os.kill(before["alpha-3.daprd"]["pid"], signal.SIGKILL)

    def replaced() -> bool:
        killed = [project.service(name) for name in ("alpha-2", "alpha-3.daprd")]
        return all(one["restarts"] == 1 and one["state"] == "ready" for one in killed)

    eventually(replaced, within=90)
    assert answers(f"http://127.0.0.1:{app + 10}/readyz")
    assert project.service("alpha-2")["last_exit"].startswith("killed by SIGKILL after")
    unharmed = {name: one["pid"] for name, one in before.items() if name not in {"alpha-2", "alpha-3.daprd"}}
    assert {name: project.service(name)["pid"] for name in unharmed} == unharmed
    again = project.agents("up", "--replicas", "alpha=2")
    assert "alpha: 2 wanted, 3 started; that takes effect after" in again.stdout


def test_with_the_freeze_detection_off_a_frozen_app_is_left_alone(project: Project) -> None:
    project.env["AGENTS_FREEZE_DETECTION"] = "off"
    assert project.agents("up", "--detach", "--timeout", "40").returncode == 0
    frozen = project.service("alpha")["pid"]
    os.kill(frozen, signal.SIGSTOP)
    eventually(lambda: project.service("alpha")["state"] == "unready", within=90)
    time.sleep(3)  # with it on, it is replaced after 1 to 2 s
    os.kill(frozen, signal.SIGCONT)
    eventually(lambda: project.service("alpha")["state"] == "ready", within=90)
    assert (project.service("alpha")["pid"], project.service("alpha")["restarts"]) == (frozen, 0)


def test_a_crash_loop_backs_off_and_is_named_in_status(project: Project) -> None:
    project.write(beta="crash")
    started = project.agents("up", "--detach", "--timeout", "12")
    assert started.returncode == 4
    assert re.search("beta: (backoff|starting), exit code 3 after", started.stderr)
    eventually(lambda: project.service("beta")["restarts"] >= 3, within=90)
    eventually(lambda: project.service("alpha")["state"] == "ready", within=90)
    beta = project.service("beta")
    up = project.status()["up_s"]
    assert beta["restarts"] <= 6 + up / 2  # 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2 … seconds apart

    def named() -> bool:
        shown = project.agents("status")
        assert shown.returncode == 4
        return "beta cannot stay up: exit code 3" in shown.stdout and beta["log"] in shown.stdout

    eventually(named, within=90)  # not in the moments in which it is tried once more
    assert "cannot start reason=told so" in project.agents("logs", "beta").stdout


REFUSAL = "beta: models.yaml:3:5: error: there is no model big\n  did you mean bid?\n"


@pytest.mark.parametrize("words", [["up", "--detach"], ["up"]])
def test_an_agent_that_refuses_its_configuration_ends_the_start_with_its_own_words(
    project: Project, words: list[str]
) -> None:
    project.write(beta="refuse")
    done = project.agents(*words, timeout=120)
    assert done.returncode == 6, done.stdout + done.stderr
    assert REFUSAL in done.stderr
    assert f"  log: {project.run_folder}/logs/beta.log\n" in done.stderr
    assert "`agents doctor` looks at files and settings" in done.stderr
    assert project.pids() == set()
    log = (project.run_folder / "logs" / "beta.log").read_text()
    assert log.count(REFUSAL) == 1  # it was tried once


def test_an_agent_that_refuses_its_configuration_is_tried_again_while_files_are_watched(
    project: Project,
) -> None:
    project.write(beta="refuse")
    assert project.agents("up", "--detach", "--watch", "--timeout", "10").returncode == 4
    eventually(lambda: project.service("beta")["restarts"] >= 3, within=90)
    assert project.service("beta")["last_words"] == REFUSAL.strip()
    eventually(lambda: project.service("alpha")["state"] == "ready", within=90)


def test_a_models_file_that_no_agent_could_read_is_named_before_anything_starts(project: Project) -> None:
    (project.root / "models.yaml").write_text("models: {}\n")
    done = project.agents("up", "--detach", AGENTS_MODELS="models.yaml")
    assert done.returncode == 6
    assert f"{project.root / 'models.yaml'}:1:" in done.stderr
    assert "nothing was started" in done.stderr
    assert not (project.run_folder / "logs" / "beta.log").exists()


def test_a_huge_log_line_does_not_stop_the_app(running: Project) -> None:
    assert get(running.url("alpha", "/spam")) == "ok"
    assert answers(running.url("alpha", "/readyz"))
    log = Path(running.service("alpha")["log"])
    assert log.stat().st_size > 5_000_000


def test_nothing_is_left_when_the_supervisor_is_killed(running: Project) -> None:
    grandchild = int(get(running.url("alpha", "/fork")))
    supervisor, beta = running.status()["pid"], running.service("beta")["pid"]
    os.kill(beta, signal.SIGSTOP)  # takes no SIGTERM
    assert len(running.pids()) >= 11
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not running.pids(), within=90)
    assert not Path(f"/proc/{grandchild}").exists()
    assert running.agents("status").returncode == 3


def test_ollama_answers_with_the_bundled_model_and_its_runner_dies_with_the_supervisor(
    project: Project,
) -> None:
    project.env["LLM_PROVIDER"] = "ollama"
    project.env.pop("OLLAMA_HOST", None)
    done = project.agents("up", "--detach", timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.status()["model"]["available"] is True
    question = {
        "model": "smollm2-135m-instruct",
        "max_tokens": 8,
        "messages": [{"role": "user", "content": "Say hello"}],
    }
    url = f"http://127.0.0.1:{11434 + project.offset}/v1/chat/completions"
    with urllib.request.urlopen(url, json.dumps(question).encode(), timeout=60) as answer:
        assert json.loads(answer.read())["choices"][0]["message"]["content"]
    server = project.service("ollama")["pid"]
    children = {pid for pid in project.pids() if os.getpgid(pid) == server}
    assert len(children) == 2  # the server and the model's runner
    os.kill(project.status()["pid"], signal.SIGKILL)
    eventually(lambda: not project.pids(), within=90)


def test_it_starts_again_right_after_the_supervisor_was_killed(running: Project) -> None:
    os.kill(running.status()["pid"], signal.SIGKILL)
    again = running.agents("up", "--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert running.status()["ready"] is True


def test_a_killed_guardian_is_replaced_and_still_guards(running: Project) -> None:
    supervisor = running.status()["pid"]
    guardian = next(
        pid for pid in running.pids() if b"guardian.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(guardian, signal.SIGKILL)
    os.kill(running.service("alpha")["pid"], signal.SIGKILL)  # the next thing there is to tell
    eventually(lambda: running.service("alpha")["state"] == "ready", within=90)
    os.kill(running.service("beta")["pid"], signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not running.pids(), within=6)


def test_down_ends_all_that_up_started_and_keeps_the_data(running: Project) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        done = running.agents("down")
        assert done.returncode == 0, done.stderr
        assert running.pids() == set()
        assert bystander.poll() is None
        assert any((running.run_folder / "redis").iterdir())
        assert running.agents("down").stdout == "nothing runs here\n"
    finally:
        bystander.kill()
        bystander.wait()


def test_reset_refuses_while_it_runs_and_drops_the_data_afterwards(running: Project) -> None:
    refused = running.agents("reset", "--yes")
    assert refused.returncode == 1
    assert "it is running" in refused.stderr
    running.agents("down")
    assert running.agents("reset", "--yes").stdout == "dropped: redis, scheduler, mail\n"
    assert not (running.run_folder / "redis").exists()
    assert (running.run_folder / "logs").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_foreground_start_in_order(project: Project, number: signal.Signals) -> None:
    up = project.begin("up")
    eventually(lambda: project.status()["ready"], within=90)
    up.send_signal(number)
    assert up.wait(60) == 0
    assert project.pids() == set()
    assert "stopped; the data stays" in output_of(up)


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_ctrl_c_while_starting_leaves_nothing(project: Project, after: float) -> None:
    up = project.begin("up")
    eventually((project.run_folder / "lock").exists, within=90)  # Python has started, and so have we
    time.sleep(after)
    up.send_signal(signal.SIGINT)
    code, output = up.wait(60), output_of(up)
    assert "Traceback" not in output
    assert code in {0, 130}, output
    assert project.pids() == set()


def test_a_taken_port_is_named_with_its_holder_before_anything_starts(project: Project) -> None:
    with socket.socket() as taken:
        port = APPS["beta"][1] + project.offset
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = project.agents("up", "--detach")
    assert done.returncode == 7
    assert f"{port} (beta, sidecar HTTP): " in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert project.pids() == set()


def test_something_else_on_the_port_of_redis_is_named(project: Project) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 6379 + project.offset))
        taken.listen()
        done = project.agents("up", "--detach")
    assert done.returncode == 7
    assert "which does not answer as redis" in done.stderr


def test_a_redis_that_answers_is_used_and_not_ended(project: Project, tmp_path: Path) -> None:
    server = json.loads(project.agents("provision", "--no-ollama", "--json").stdout)["redis_server"]
    port = str(6379 + project.offset)
    redis = subprocess.Popen(
        [server, "--port", port, "--save", "", "--dir", str(tmp_path)], stdout=subprocess.DEVNULL
    )
    try:
        eventually(lambda: listening(int(port)), within=90)
        done = project.agents("up", "--detach")
        assert f"redis: one answers at 127.0.0.1:{port}, it is used" in done.stdout
        assert [part["name"] for part in project.status()["adopted"]] == ["redis"]
        project.agents("down")
        assert redis.poll() is None
    finally:
        redis.kill()
        redis.wait()


def test_app_and_sidecar_get_one_token_and_no_dapr_token_is_made(running: Project) -> None:
    env = dict(line.split("=", 1) for line in get(running.url("alpha", "/env")).splitlines() if "=" in line)
    sidecar = Path(f"/proc/{running.service('alpha.daprd')['pid']}/environ").read_bytes().decode().split("\0")
    assert len(env["APP_API_TOKEN"]) >= 32
    assert f"APP_API_TOKEN={env['APP_API_TOKEN']}" in sidecar
    assert "DAPR_API_TOKEN" not in env
    assert env["DAPR_HTTP_PORT"] == str(APPS["alpha"][1] + running.offset)
    assert env["APP_ID"] == "alpha"


def test_it_works_from_a_folder_inside_the_project(running: Project) -> None:
    with suppress(FileExistsError):
        (running.root / "inner").mkdir()
    outside, running.root = running.root, running.root / "inner"
    try:
        assert running.status()["root"] == str(outside)
    finally:
        running.root = outside
