"""Backup and restore on a real Redis: what comes back is what was there at one moment, and no failure touches what there is."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.backup import restoring
from cli.local.backup.apart import Server
from cli.local.backup.restoring import check_backup, require_restorable, restore_backup
from cli.local.backup.snapshot import Source
from cli.local.backup.switching import users_of
from cli.local.backup.taking import take_backup
from cli.local.provision.run import Programs
from cli.local.redis import Redis as Connection
from cli.local.redis import info
from tests.integration.local.project import Project, eventually
from tests.support.processes import Redis, redis_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

STREAM = "agents.testplanning.spec.generated"


@pytest.fixture
def redis(own_redis: Redis) -> Iterator[Connection]:
    with Connection("127.0.0.1", own_redis.port, timeout=30) as connection:
        yield connection


@pytest.fixture
def data(redis: Connection) -> None:
    """Documents as the sidecars write them, some of which expire; a stream whose group was given two entries and answered one."""
    for number in range(20):
        redis.ask("HSET", f"implementation||claim:{number}", "data", "{}", "version", "1")
        redis.ask("EXPIRE", f"implementation||claim:{number}", "3600")
    redis.ask("HSET", "implementation||splits:implementation", "data", "{}", "version", "3")
    redis.ask("HSET", "implementation||dead-letters:implementation:0", "data", "{}", "version", "1")
    redis.ask("SET", "session:of-another-program", "x")
    redis.ask("XGROUP", "CREATE", STREAM, "implementation", "0", "MKSTREAM")
    for entry in ("1-0", "2-0", "3-0"):
        redis.ask("XADD", STREAM, entry, "data", "{}")
    redis.ask("XREADGROUP", "GROUP", "implementation", "implementation", "COUNT", "2", "STREAMS", STREAM, ">")
    redis.ask("XACK", STREAM, "implementation", "1-0")


@pytest.fixture
def server(programs: Programs) -> Server:
    assert programs.redis_server is not None
    return Server(programs.redis_server, os.environ, lambda _: None)


@pytest.fixture
async def backup(tmp_path: Path, own_redis: Redis, data: None, server: Server) -> Path:
    folder = tmp_path / "backups" / "one"
    await take_backup(Source("127.0.0.1", own_redis.port), folder, server)
    return folder


def back_up(project: Project, redis: Redis, folder: Path) -> subprocess.CompletedProcess[str]:
    return project.agents("backup", str(folder), "--redis", f"127.0.0.1:{redis.port}", "--json")


@contextmanager
def serving(server: Server, folder: Path) -> Iterator[Connection]:
    """A Redis on these data, as `agents up` starts one."""
    with (
        redis_server(server.program, folder, append_only=True) as running,
        Connection("127.0.0.1", running.port) as connection,
    ):
        while info(connection, "persistence")["loading"] != "0":
            time.sleep(0.02)
        yield connection


def existing(folder: Path) -> Path:
    """Data of an earlier time, which nothing may harm."""
    folder.mkdir(parents=True)
    (folder / "appendonly.aof").write_text("earlier")
    return folder


def untouched(folder: Path) -> bool:
    beside = [path.name for path in folder.parent.iterdir() if path.name.startswith(folder.name)]
    return beside == [folder.name] and (folder / "appendonly.aof").read_text() == "earlier"


def test_what_is_restored_is_what_was_backed_up_pending_entries_and_ends_of_time_too(
    project: Project, own_redis: Redis, data: None, server: Server
) -> None:
    backup = project.root / "backups" / "one"
    told = back_up(project, own_redis, backup)
    assert told.returncode == 0, told.stderr
    manifest = json.loads((backup / "manifest.json").read_text())
    assert manifest["contents"] == {
        "keys": 24,
        "expiring": 20,
        "documents": {"claim": 20, "dead-letters": 1, "of others": 1, "splits": 1},
        "streams": 1,
        "events": 3,
        "groups": 1,
        "pending": 1,
    }
    assert {path.name: path.stat().st_mode & 0o777 for path in backup.iterdir()}["snapshot.rdb"] == 0o600
    assert backup.stat().st_mode & 0o777 == 0o700

    target = project.root / "restored"
    done = project.agents("restore", str(backup), "--into", str(target))
    assert done.returncode == 0, done.stderr
    assert "appendonly yes" in done.stdout  # `agents up` would not look there
    with serving(server, target) as after:
        assert after.ask("HGET", "implementation||splits:implementation", "version") == "3"
        assert 0 < after.ask("TTL", "implementation||claim:7") <= 3600
        assert [entry[0] for entry in after.ask("XPENDING", STREAM, "implementation", "-", "+", "9")] == [
            "2-0"
        ]
        (fields,) = after.ask("XINFO", "GROUPS", STREAM)
        assert dict(zip(fields[::2], fields[1::2], strict=True))["last-delivered-id"] == "2-0"


async def test_a_backup_is_of_one_moment_while_writers_go_on(
    tmp_path: Path, own_redis: Redis, redis: Connection, server: Server
) -> None:
    """Two keys that only ever change together do so in the backup, and all that was answered before it is in it."""
    done = threading.Event()

    def write() -> None:
        with Connection("127.0.0.1", own_redis.port, timeout=30) as writer:
            while not done.is_set():
                for words in (["MULTI"], ["INCR", "count"], ["XADD", "beside", "*", "a", "b"], ["EXEC"]):
                    writer.ask(*words)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while int(redis.ask("GET", "count") or 0) < 100:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        before = int(redis.ask("GET", "count"))
        await take_backup(Source("127.0.0.1", own_redis.port), tmp_path / "b", server)
    finally:
        done.set()
        thread.join()
    await restore_backup(tmp_path / "b", tmp_path / "restored", server)
    with serving(server, tmp_path / "restored") as after:
        count = int(after.ask("GET", "count"))
        assert count == after.ask("XLEN", "beside")
        assert count >= before


def flip_a_byte(backup: Path) -> None:
    file = backup / "snapshot.rdb"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_it_off(backup: Path) -> None:
    file = backup / "snapshot.rdb"
    file.write_bytes(file.read_bytes()[:-9])


def drop_the_snapshot(backup: Path) -> None:
    (backup / "snapshot.rdb").unlink()


def drop_the_manifest(backup: Path) -> None:
    (backup / "manifest.json").unlink()


def of_others(backup: Path) -> None:
    (backup / "manifest.json").write_text('{"kind": "photographs", "format": 1}')


def of_the_future(backup: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))


def count_of_others(backup: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["contents"]["pending"] = 2
    (backup / "manifest.json").write_text(json.dumps(manifest))


def of_the_past(backup: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "manifest.json").write_text(json.dumps(manifest | {"format": 0}))


def without_a_zone(backup: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["taken_at"] = "2026-11-22T09:00:00"
    (backup / "manifest.json").write_text(json.dumps(manifest))


def a_folder_for_a_snapshot(backup: Path) -> None:
    drop_the_snapshot(backup)
    (backup / "snapshot.rdb").mkdir()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (without_a_zone, "taken_at: Input should have timezone info"),
        (a_folder_for_a_snapshot, "cannot be read: Is a directory"),
        (flip_a_byte, "the SHA-256 differs"),
        (cut_it_off, "its snapshot has"),
        (drop_the_snapshot, "has no snapshot.rdb"),
        (drop_the_manifest, "is no backup of ours"),
        (of_others, "is not of `agents backup`"),
        (of_the_future, "has the format 2, this command knows 1"),
        (of_the_past, "format: Input should be 1"),
        (count_of_others, "its streams are not those of the manifest"),
        (shutil.rmtree, "there is no backup"),
    ],
)
async def test_a_backup_that_is_none_is_named_and_the_data_stay(
    tmp_path: Path, backup: Path, server: Server, harm: Callable[[Path], None], told: str
) -> None:
    harm(backup)
    target = existing(tmp_path / "data")
    with pytest.raises(CommandError, match=told) as raised:
        await restore_backup(backup, target, server)
    assert raised.value.code in {ExitCode.INVALID, ExitCode.NOT_FOUND}
    with pytest.raises(CommandError, match=told):
        await check_backup(backup, server)
    assert untouched(target)


async def test_a_snapshot_that_redis_cannot_load_is_told_with_its_words(
    tmp_path: Path, backup: Path, server: Server
) -> None:
    """As of a newer Redis: its version stands in the first bytes."""
    file = backup / "snapshot.rdb"
    content = b"REDIS0999" + file.read_bytes()[9:]
    file.write_bytes(content)
    manifest = json.loads((backup / "manifest.json").read_text())
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    (backup / "manifest.json").write_text(json.dumps(manifest))
    target = existing(tmp_path / "data")
    with pytest.raises(CommandError, match="RDB format version 999") as raised:
        await restore_backup(backup, target, server)
    assert raised.value.code is ExitCode.MISSING
    assert "redis-server in PATH" in raised.value.hint
    assert untouched(target)


def test_data_that_are_there_are_replaced_by_force_alone_and_kept_beside(
    project: Project, backup: Path
) -> None:
    target = existing(project.root / "data")
    done = project.agents("restore", str(backup), "--into", str(target))
    assert done.returncode == ExitCode.FAILED
    assert "--force" in done.stderr
    assert untouched(target)

    done = project.agents("restore", str(backup), "--into", str(target), "--force", "--json")
    assert done.returncode == 0, done.stderr
    kept = Path(json.loads(done.stdout)["kept"])
    assert kept.parent == target.parent
    assert (kept / "appendonly.aof").read_text() == "earlier"
    assert (target / "appendonly.aof").read_bytes().startswith(b"REDIS")


def test_a_folder_that_a_redis_works_in_is_refused(tmp_path: Path, server: Server) -> None:
    target = tmp_path / "in-use"
    target.mkdir()
    with (
        redis_server(server.program, target, append_only=True) as running,
        pytest.raises(CommandError, match=f"in use by pid {running.process.popen.pid}"),
    ):
        require_restorable(target, force=True)


def test_a_running_system_is_refused(running: Project, backup: Path) -> None:
    done = running.agents("restore", str(backup), "--force")
    assert done.returncode == ExitCode.FAILED
    assert "it is running (pid" in done.stderr
    assert "agents down" in done.stderr


@pytest.mark.parametrize("stage", ["data.restoring", "data.restoring/appendonly.aof", "data.before-*"])
def test_when_a_restore_is_killed_the_data_are_the_old_or_the_new_and_never_less(
    project: Project, own_redis: Redis, backup: Path, stage: str
) -> None:
    """Killed when it began, when the new data are made, when they are about to be put in place."""
    target = existing(project.root / "data")
    words = ["restore", str(backup), "--into", str(target), "--force"]
    process = project.begin(*words)
    while process.poll() is None and not any(project.root.glob(stage)):
        time.sleep(0.001)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    ours = own_redis.process.popen.pid
    eventually(lambda: users_of(project.root) == [ours], within=60)  # no other redis-server is left in there
    content = (target / "appendonly.aof").read_bytes()
    assert content == b"earlier" or content.startswith(b"REDIS")
    again = project.agents(*words)
    assert again.returncode == 0, again.stderr
    assert (target / "appendonly.aof").read_bytes().startswith(b"REDIS")
    kept = {(folder / "appendonly.aof").read_bytes()[:5] for folder in project.root.glob("data.before-*")}
    assert b"earli" in kept


async def test_a_folder_that_is_there_is_not_written_over(
    own_redis: Redis, backup: Path, server: Server
) -> None:
    before = (backup / "manifest.json").read_bytes()
    with pytest.raises(CommandError, match="is there already"):
        await take_backup(Source("127.0.0.1", own_redis.port), backup, server)
    assert (backup / "manifest.json").read_bytes() == before


def test_without_a_redis_there_is_no_backup_and_no_half_of_one(project: Project) -> None:
    done = project.agents("backup")
    assert done.returncode == ExitCode.NOT_RUNNING
    assert "no Redis answers at 127.0.0.1:" in done.stderr
    assert not any((project.root / "backups").iterdir())


async def test_a_redis_with_a_password_wants_it(
    project: Project, own_redis: Redis, redis: Connection, server: Server
) -> None:
    redis.ask("CONFIG", "SET", "requirepass", "s3cret")
    with pytest.raises(CommandError, match="NOAUTH"):
        await take_backup(Source("127.0.0.1", own_redis.port), project.root / "b", server)
    project.env["REDISCLI_AUTH"] = "s3cret"
    done = back_up(project, own_redis, project.root / "b")
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr


def test_a_snapshot_that_breaks_off_is_no_backup(
    project: Project, own_redis: Redis, redis: Connection
) -> None:
    """Redis is killed while it writes one."""
    redis.ask("CONFIG", "SET", "rdb-key-save-delay", "10000")
    for number in range(2_000):
        redis.ask("SET", str(number), "x" * 100)
    process = project.begin("backup", "b", "--redis", f"127.0.0.1:{own_redis.port}")
    while redis.ask("INFO", "persistence").find("rdb_bgsave_in_progress:1") < 0:
        assert process.poll() is None
        time.sleep(0.02)
    own_redis.process.kill()
    assert process.wait(60) == ExitCode.FAILED
    assert not (project.root / "b").exists()
    assert not (project.root / ".backup.part").exists()


def test_two_backups_at_once_into_one_folder_are_never_half_of_each(
    project: Project, own_redis: Redis, redis: Connection
) -> None:
    redis.ask("CONFIG", "SET", "rdb-key-save-delay", "10000")
    for number in range(200):
        redis.ask("SET", str(number), "x")
    first = project.begin("backup", "b", "--redis", f"127.0.0.1:{own_redis.port}")
    while not (project.root / ".backup.part").exists():
        assert first.poll() is None
        time.sleep(0.001)
    second = back_up(project, own_redis, project.root / "b")
    assert second.returncode == ExitCode.FAILED
    assert "another one is at work in" in second.stderr
    assert first.wait(60) == 0
    assert sorted(path.name for path in (project.root / "b").iterdir()) == ["manifest.json", "snapshot.rdb"]


def test_what_a_killed_backup_left_goes_with_the_next(project: Project, own_redis: Redis) -> None:
    """It holds personal data, and has a name that nobody looks for."""
    left = project.root / ".backup.part"
    left.mkdir()
    (left / "snapshot.rdb").write_text("half")
    done = back_up(project, own_redis, project.root / "another")
    assert done.returncode == 0, done.stderr
    assert not left.exists()


@pytest.fixture
def files_of_10_kib() -> Iterator[None]:
    """The kernel refuses what is longer, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 * 2**10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def more(redis: Connection) -> None:
    redis.ask("SET", "more", os.urandom(20 * 2**10).hex())


async def test_a_disk_that_refuses_is_named_and_nothing_is_left(
    tmp_path: Path, more: None, own_redis: Redis, backup: Path, server: Server, files_of_10_kib: None
) -> None:
    with pytest.raises(CommandError, match=f"{tmp_path}: File too large") as raised:
        await take_backup(Source("127.0.0.1", own_redis.port), tmp_path / "b", server)
    assert "room" in raised.value.hint
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / ".backup.part").exists()
    target = existing(tmp_path / "data")
    for work in (restore_backup(backup, target, server), check_backup(backup, server)):
        with pytest.raises(CommandError, match="File too large"):
            await work
    assert untouched(target)


async def test_where_a_volume_is_mounted_a_restore_says_how_before_it_begins() -> None:
    with pytest.raises(CommandError, match="where a volume is mounted") as raised:
        require_restorable(Path("/proc"), force=True)
    assert "--into /proc/restored" in raised.value.hint


def test_another_server_at_the_port_of_redis_is_named(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        done = project.agents("backup", "b", "--redis", f"127.0.0.1:{port}")
        thread.join()
    assert done.returncode == ExitCode.FAILED
    assert f"127.0.0.1:{port}: Redis answers 'HTTP/1.1 400 Bad Request'\n  is it a Redis?" in done.stderr


def test_a_port_that_is_none_is_refused(project: Project) -> None:
    done = project.agents("backup", "b", "--redis", "127.0.0.1:99999")
    assert done.returncode == ExitCode.USAGE


def test_what_is_kept_has_a_name_of_its_own_also_twice_in_a_second(tmp_path: Path) -> None:
    first = restoring._free_name(str(tmp_path / "data.before-now"))
    first.mkdir()
    assert restoring._free_name(str(first)) == tmp_path / "data.before-now-2"
