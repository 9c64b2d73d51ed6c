"""How a document is created once: which state components can, and how each has to be asked."""

from __future__ import annotations

from typing import NamedTuple

from domain.errors import SidecarUnavailable
from infrastructure.dapr.sidecar import Loaded, Sidecar


class Way(NamedTuple):
    """How a first-write creates once: its ETag, None for none, and the words of a refusal that has no code of its own."""

    etag: str | None
    refusal: str | None = None


# The ETag of a key that is not there. Without one Redis would overwrite a key that was last written plainly.
_BY_ETAG = Way(etag="0")
_WAYS = {
    ("state.redis", "v1"): _BY_ETAG,
    ("state.azure.cosmosdb", "v1"): _BY_ETAG,
    # With an ETag it only updates; a first-write without one is an insert that yields to what is there. Without the words
    # its refusal would count as an outage, and the work be held.
    ("state.postgresql", "v2"): Way(etag=None, refusal="no item was updated"),
}
"""By component and version. Each was held against `tests/contracts/test_state.py`; of others nobody knows."""


class CannotCreateOnce(SidecarUnavailable):
    """The state component may let two create one document, and two agents do one piece of work."""


def way_to_create(loaded: Loaded, component: str) -> Way:
    """Raises `CannotCreateOnce`, `SidecarUnavailable`."""
    if component not in loaded.components:
        raise SidecarUnavailable(f"the sidecar has not loaded {component}")
    kind = loaded.components[component]
    if kind not in _WAYS:
        known = ", ".join(f"{name} {number}" for name, number in _WAYS)
        raise CannotCreateOnce(
            f"the state component {component} is {' '.join(kind)}, which is not known to create a document once: two agents "
            f"could do one piece of work, so none is done; choose one of {known} (docs/azure.md)"
        )
    return _WAYS[kind]


async def unfit(sidecar: Sidecar, app_id: str, pubsub: str, *statestores: str) -> str | None:
    """None when the sidecar answers, is that of `app_id`, has loaded these components, and its stores can create once; else what is wrong."""
    try:
        loaded = await sidecar.loaded()
    except SidecarUnavailable as error:
        return f"the sidecar at {sidecar.address} does not answer: {error.message}"
    if loaded.app_id != app_id:
        return (
            f"the sidecar at {sidecar.address} is that of the app-id {loaded.app_id!r}, this agent is {app_id!r}: state and "
            f"subscriptions go by the app-id, so give each agent its own sidecar, with --app-id {app_id}"
        )
    if missing := {pubsub, *statestores} - loaded.components.keys():
        return (
            f"the sidecar has not loaded {', '.join(sorted(missing))}; it has {', '.join(sorted(loaded.components)) or 'none'}: "
            "compare AGENTS_PUBSUB, AGENTS_STATESTORE and AGENTS_SHARED_STATESTORE with metadata.name in the components' files, "
            "and their scopes with the app-id"
        )
    try:
        for store in statestores:
            way_to_create(loaded, store)
    except CannotCreateOnce as error:
        return error.message
    return None
