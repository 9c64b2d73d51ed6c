"""What the components lead to that `agents` neither starts nor keeps: a database of the user's own."""

from __future__ import annotations

from collections.abc import Iterator

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.local.instance import Instance
from cli.local.manifest import read_manifest
from cli.local.platform import resource_folders
from cli.local.resources import Resource, read_resources


def require_variables(instance: Instance) -> None:
    """CommandError naming the variables that components take values from and that are not set.

    The sidecar would take them as empty, and end with whatever its component says of that.
    """
    missing = {
        variable: resource
        for resource in _resources(instance)
        for variable in resource.variables
        if not instance.environment.get(variable)
    }
    if missing:
        told = [f"{resource.file}: {resource.name} needs {name}" for name, resource in missing.items()]
        raise CommandError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set\n  " + "\n  ".join(told),
            hint="set it in the shell or in .env; the component file says what it looks like",
            code=ExitCode.INVALID,
        )


def documents_elsewhere(instance: Instance) -> str | None:
    """Where the documents are, when they are not in the Redis that is kept here."""
    if any(resource.type == "state.postgresql" for resource in _resources(instance)):
        return "PostgreSQL"
    return None


def _resources(instance: Instance) -> Iterator[Resource]:
    for folder in sorted(resource_folders(instance, read_manifest(instance.manifest))):
        yield from read_resources(folder)
