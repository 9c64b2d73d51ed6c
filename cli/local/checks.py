"""What `agents doctor` looks at: each check gives findings, none of them raises."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local import control, services
from cli.local.instance import Instance
from cli.local.manifest import read_manifest
from cli.local.platform import plan, port_of, resource_folders
from cli.local.ports import holders
from cli.local.provision.cache import user_cache
from cli.local.provision.dapr import TESTED_RUNTIMES, built_runtime, installed_runtime
from cli.local.provision.dapr import version as dapr_version
from cli.local.provision.ollama import missing_compilers, ollama_is_at_hand
from cli.local.redis import FULL, NEARLY_FULL, Redis, condition, in_mib
from cli.local.replicas import port_uses
from cli.local.strangers import strangers
from domain.errors import ModelsInvalid
from infrastructure.host.settings import explain, settings_of
from infrastructure.identity.key_file import KeyFile, KeysInvalid
from infrastructure.llm.catalogue.file import load_catalogue
from infrastructure.prompts.check import check_folder

LITTLE_DISK, NO_DISK = 10.0, 1.0
"""GB: builds need the first, an append-only file grows by the second while one looks for what to delete."""


@dataclass(frozen=True)
class Finding:
    """`level` is ok, note or wrong; only wrong ones make the command fail."""

    check: str
    level: str
    text: str


async def look(instance: Instance) -> list[Finding]:
    found = [finding async for finding in _versions(instance)]
    for check in (
        about_project,
        about_settings,
        about_prompts,
        about_agents_named,
        about_models,
        about_api_keys,
        about_ports,
        about_redis,
        about_disk,
        about_stale,
    ):
        # What is wrong with a file or a setting keeps several checks from working: said once.
        told = {one.text for one in found if one.level == "wrong"}
        found += [one for one in _safely(check, instance) if one.text not in told]
    return found


def require_no_fault(instance: Instance) -> None:
    """CommandError with all that would keep every start of an agent from succeeding, as far as files and settings tell."""
    checks = (about_settings, about_models, about_api_keys)
    found = [one.text for check in checks for one in _safely(check, instance) if one.level == "wrong"]
    if found:
        raise CommandError(
            "\n  ".join(found),
            hint=f"nothing was started; {instance.command('doctor')} looks again",
            code=ExitCode.INVALID,
        )


def _safely(check: Callable[[Instance], Iterator[Finding]], instance: Instance) -> list[Finding]:
    name = check.__name__.removeprefix("about_").replace("_", " ")
    try:
        return list(check(instance))
    except CommandError as error:
        return [Finding(name, "wrong", error.message)]


async def _versions(instance: Instance) -> AsyncIterator[Finding]:
    env = instance.environment
    cache = user_cache(env)
    tested = ", ".join(TESTED_RUNTIMES)
    if programs := await installed_runtime(env):
        yield Finding(
            "dapr",
            "ok",
            f"{await dapr_version(programs['daprd'], env)}, installed in {programs['daprd'].parent}",
        )
    elif (built := built_runtime(cache)).exists():
        yield Finding("dapr", "ok", f"{tested}, built in {built}")
    else:
        other = shutil.which("daprd", path=env.get("PATH"))
        found = f"{other} is {await dapr_version(Path(other), env)}; " if other else ""
        yield Finding("dapr", "note", f"{found}tested: {tested}; the first start builds it, once")
    server = shutil.which("redis-server", path=env.get("PATH"))
    yield Finding("redis-server", "ok", server or "unpacked from its wheel at the first start")
    if ollama_is_at_hand(cache, env):
        yield Finding("ollama", "ok", shutil.which("ollama", path=env.get("PATH")) or "built in the cache")
    elif missing := missing_compilers(env):
        yield Finding(
            "ollama", "wrong", f"has to be built, and {' and '.join(missing)} is missing: apt install gcc g++"
        )
    else:
        yield Finding("ollama", "note", "the first start builds it, once")


def about_project(instance: Instance) -> Iterator[Finding]:
    apps = read_manifest(instance.manifest)
    yield Finding("dapr.yaml", "ok", f"{instance.manifest}: {len(apps)} agents")
    platform = plan(instance)
    folders = ", ".join(str(folder) for folder in sorted(resource_folders(instance, platform.apps)))
    yield Finding("components", "ok", folders)


def about_settings(instance: Instance) -> Iterator[Finding]:
    """Of each agent as `agents up` would start it: what several would refuse is said once."""
    environments = services.environments(plan(instance))
    refusals: dict[str, list[str]] = {}
    for agent, environment in environments.items():
        try:
            settings_of(environment)
        except ValidationError as error:
            for line in explain(error).splitlines():
                refusals.setdefault(line, []).append(agent)
    for line, agents in refusals.items():
        whose = "" if len(agents) == len(environments) else f"{', '.join(agents)}: "
        yield Finding("settings", "wrong", whose + line)
    if not refusals:
        yield Finding("settings", "ok", "`agents doctor --settings` prints them")


def about_prompts(instance: Instance) -> Iterator[Finding]:
    folder = instance.root / "prompts"
    problems = check_folder(folder)
    for problem in problems:
        yield Finding("prompts", "wrong" if problem.severity == "error" else "note", str(problem))
    if not problems:
        yield Finding("prompts", "ok", str(folder))


def about_agents_named(instance: Instance) -> Iterator[Finding]:
    """Silent where all is well: most projects have no such file."""
    for problem in strangers(instance):
        yield Finding("agents named", "wrong", str(problem))


def about_models(instance: Instance) -> Iterator[Finding]:
    if file := instance.environment.get("AGENTS_MODELS"):
        try:
            load_catalogue(instance.root / file, instance.environment)
        except ModelsInvalid as error:
            yield Finding("models", "wrong", error.message)
        else:
            yield Finding("models", "ok", file)


def about_api_keys(instance: Instance) -> Iterator[Finding]:
    if file := instance.environment.get("AGENTS_API_KEYS"):
        try:
            KeyFile(instance.root / file)
        except KeysInvalid as error:
            yield from (Finding("API keys", "wrong", str(problem)) for problem in error.problems)
        else:
            yield Finding("API keys", "ok", file)


def about_ports(instance: Instance) -> Iterator[Finding]:
    if control.running_pid(instance):
        yield Finding("ports", "ok", "ours: the platform is running")
        return
    wanted = {port: f"{name}, {what}" for name, what, port in port_uses(plan(instance).replicas)}
    taken = holders(wanted)
    for port, holder in sorted(taken.items()):
        yield Finding("ports", "wrong", f"{port} ({wanted[port]}) is taken by {holder}")
    if not taken:
        yield Finding("ports", "ok", f"all {len(wanted)} are free")


def about_redis(instance: Instance) -> Iterator[Finding]:
    """Only of one that answers: it has to keep what it was given."""
    address = plan(instance).redis
    if address is None:
        return
    try:
        with Redis("127.0.0.1", port_of(address)) as redis:
            found = condition(redis)
    except OSError:
        return
    yield Finding("redis", "ok", f"{found.version} answers at {address}")
    if not found.max_bytes:
        yield Finding("redis", "note", "it has no maxmemory: it grows until the machine has no memory left")
    elif found.fullness >= NEARLY_FULL:
        level = "wrong" if found.fullness >= FULL else "note"
        yield Finding(
            "redis",
            level,
            f"{found.fullness:.0%} of its {in_mib(found.max_bytes)} are used, and full it takes no more work: "
            "let the agents catch up, or start again with a larger AGENTS_REDIS_MAXMEMORY",
        )
    if found.policy != "noeviction":
        yield Finding(
            "redis",
            "wrong",
            f"maxmemory-policy is {found.policy}: full, it drops work that is not done; set it to noeviction",
        )
    if not found.append_only:
        yield Finding(
            "redis", "wrong", "appendonly is off: a restart loses work that was accepted; set it to yes"
        )


def about_disk(instance: Instance) -> Iterator[Finding]:
    for purpose, folder in {"data": instance.run, "cache": user_cache(instance.environment).root}.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free / 1e9
        level = "wrong" if free < NO_DISK else "note" if free < LITTLE_DISK else "ok"
        yield Finding(
            "disk", level, f"{purpose}: {free:.{0 if free >= LITTLE_DISK else 1}f} GB free in {folder}"
        )


def about_stale(instance: Instance) -> Iterator[Finding]:
    if instance.socket.exists() and control.running_pid(instance) is None:
        yield Finding(
            "stale files", "note", f"{instance.socket}: left by a killed start, the next one replaces it"
        )
    for part in user_cache(instance.environment).root.glob(".*.part"):
        yield Finding("stale files", "note", f"{part}: an unfinished build, the next start goes on with it")
