"""Where the replicas of each agent listen: as the supervisor tells, else as they would be started."""

from functools import cached_property

from cli.errors import CommandError
from cli.local import control
from cli.local.instance import Instance
from cli.local.manifest import read_manifest, shifted
from cli.local.replicas import replicas_of
from cli.local.service import Role
from cli.local.settings import read_settings

PATIENCE = 1.0


class Addresses:
    """Asked for at the first need, and once."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def of(self, agent: str) -> dict[str, str]:
        """Of an agent, by its replicas' names, the first one first; empty where nothing is known of them."""
        return self._known.get(agent, {})

    @cached_property
    def _known(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        try:
            for one in control.ask(self._instance, "status", PATIENCE)["services"]:
                if one["role"] == Role.APP:
                    found.setdefault(one["agent"], {})[one["name"]] = one["address"]
        except CommandError:
            return self._planned()
        return found

    def _planned(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        apps = [shifted(app, self._instance.offset) for app in read_manifest(self._instance.manifest)]
        try:
            replicas = replicas_of(apps, read_settings(self._instance.environment).replicas)
        except CommandError:
            return found  # `agents up` says what is wrong with them
        for replica in replicas:
            address = f"http://127.0.0.1:{replica.app.app_port}"
            found.setdefault(replica.app.app_id, {})[replica.name] = address
        return found
