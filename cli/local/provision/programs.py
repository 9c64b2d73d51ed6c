"""Runs the programs that provisioning needs (pip, go): output to a log, the whole group ended on interruption."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.process import Child, describe_exit

_NO_SPACE = re.compile(rb"no space left on device", re.IGNORECASE)
_NO_NETWORK = re.compile(
    rb"dial tcp|i/o timeout|no such host|connection refused|TLS handshake|NameResolution|NewConnectionError|"
    rb"ConnectTimeout|ReadTimeout|proxyconnect|Could not find a version|No matching distribution",
)
_WRONG_HASH = re.compile(rb"THESE PACKAGES DO NOT MATCH THE HASHES|SECURITY ERROR|checksum mismatch")


async def run_program(
    argv: Sequence[str | Path],
    *,
    title: str,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Run to the end; CommandError naming the log and the cure when it fails."""
    pending = bytearray()
    with log.open("wb") as file:

        def take(data: bytes) -> None:
            file.write(data)
            pending.extend(data)
            *lines, rest = bytes(pending).split(b"\n")
            pending[:] = rest[-65_536:]
            for line in lines:
                on_line(line.decode(errors="replace"))

        child = Child(argv, cwd=cwd, env=env, on_output=take)
        try:
            code = await child.wait()
        finally:
            await end_group(child)
    if code != 0:
        raise _failure(title, code, log)


async def end_group(child: Child, grace: float = 3.0) -> None:
    """Nothing a build started may go on after it: neither a compiler after Ctrl-C nor a stray helper."""
    if child.running:
        child.terminate()
        await asyncio.wait([asyncio.ensure_future(child.wait())], timeout=grace)
    child.kill()
    if child.running:
        await child.wait()


async def output_of(argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> str | None:
    """What a quick question to a program answers (`--version`); None when it cannot be asked."""
    answer = bytearray()
    try:
        child = Child(argv, cwd=cwd, env=env, on_output=answer.extend)
    except OSError:
        return None
    try:
        code = await asyncio.wait_for(child.wait(), timeout=10)
    except TimeoutError:
        return None
    finally:
        child.kill()
    return answer.decode(errors="replace") if code == 0 else None


def _failure(title: str, code: int, log: Path) -> CommandError:
    text = log.read_bytes()[-200_000:]
    hint, exit_code = "read the log's end, then run the same command again: it goes on where it stopped", None
    if _NO_SPACE.search(text):
        hint = "the disk is full: free some space (or set XDG_CACHE_HOME to a larger disk) and run it again"
        exit_code = ExitCode.MISSING
    elif _WRONG_HASH.search(text):
        hint = "what was downloaded is not what the project pins: check the package index or proxy in use"
    elif _NO_NETWORK.search(text):
        hint = "the download failed: check the network, pip's settings and GOPROXY, then run it again: it goes on"
    return CommandError(
        f"{title} failed ({describe_exit(code)}); log: {log}",
        hint=hint,
        code=exit_code or ExitCode.BUILD_FAILED,
    )
