"""The event types that the project knows: everything typed in `domain/events`."""

import pkgutil
from importlib import import_module

import domain.events
from domain.event import EventData


def known_events() -> dict[str, type[EventData]]:
    """Event types by name, sorted."""
    found = {}
    for module in pkgutil.iter_modules(domain.events.__path__, "domain.events."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, EventData) and "event_type" in vars(value):
                found[value.event_type] = value
    return dict(sorted(found.items()))
