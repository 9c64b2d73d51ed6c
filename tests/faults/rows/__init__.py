"""The faults, one function each."""

from tests.faults.rows.kills import KILLS
from tests.faults.rows.messages import MESSAGES
from tests.faults.rows.network import NETWORK
from tests.faults.rows.regions import REGIONS
from tests.faults.rows.row import Row
from tests.faults.rows.stores import STORES
from tests.faults.rows.upgrade import UPGRADE

ROWS: dict[str, Row] = {row.name: row for row in [*KILLS, *MESSAGES, *STORES, *NETWORK, *UPGRADE, *REGIONS]}
"""By name, in the order of the report."""

__all__ = ["ROWS", "Row"]
