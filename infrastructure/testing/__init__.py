"""The kit for agent authors: whole agents and chains in memory. May import everything; only tests import it (docs/testing.md)."""

from infrastructure.testing.authors import Platform, platform
from infrastructure.testing.cassette import Cassette
from infrastructure.testing.happened import Happened
from infrastructure.testing.model import Model, in_turn, smallest
from infrastructure.testing.virtual_time import in_virtual_time

__all__ = ["Cassette", "Happened", "Model", "Platform", "in_turn", "in_virtual_time", "platform", "smallest"]
