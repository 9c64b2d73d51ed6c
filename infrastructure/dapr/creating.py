"""How a document is created once: which state components can, and how each has to be asked."""

from __future__ import annotations

from domain.errors import SidecarUnavailable
from infrastructure.dapr.sidecar import Sidecar

NO_SUCH_ETAG = "0"
_WAYS: dict[tuple[str, str], str | None] = {
    # The ETag of a key that is not there. Without one Redis would overwrite a key that was last written plainly.
    ("state.redis", "v1"): NO_SUCH_ETAG,
    ("state.azure.cosmosdb", "v1"): NO_SUCH_ETAG,
    # With an ETag it only updates; a first-write without one is an insert that yields to what is there.
    ("state.postgresql", "v2"): None,
}
"""Component and version → the ETag with which a first-write creates once; None: without any. Each was held against
`tests/contracts/test_state.py`; of others nobody knows."""


class CannotCreateOnce(SidecarUnavailable):
    """The state component may let two create one document, and two agents do one piece of work."""


async def way_to_create(sidecar: Sidecar, component: str) -> str | None:
    """The ETag of a first-write that creates.

    Raises:
        CannotCreateOnce, SidecarUnavailable

    """
    loaded = await sidecar.components()
    if component not in loaded:
        raise SidecarUnavailable(f"the sidecar has not loaded {component}")
    if loaded[component] not in _WAYS:
        kind, version = loaded[component]
        known = ", ".join(f"{name} {number}" for name, number in _WAYS)
        raise CannotCreateOnce(
            f"the state component {component} is {kind} {version}, which is not known to create a document once: two agents "
            f"could do one piece of work, so none is done; choose one of {known} (docs/azure.md)"
        )
    return _WAYS[loaded[component]]


async def unfit(sidecar: Sidecar, app_id: str, pubsub: str, *statestores: str) -> str | None:
    """None when the sidecar answers, is that of `app_id`, has loaded these components, and its stores can create once; else what is wrong."""
    if problem := await sidecar.missing(app_id, pubsub, *statestores):
        return problem
    try:
        for store in statestores:
            await way_to_create(sidecar, store)
    except SidecarUnavailable as error:
        return error.message
    return None
