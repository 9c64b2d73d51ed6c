"""The faults, one function each."""

from tests.faults.rows.azure import AZURE
from tests.faults.rows.kills import KILLS
from tests.faults.rows.messages import MESSAGES
from tests.faults.rows.network import NETWORK
from tests.faults.rows.postgres import POSTGRES
from tests.faults.rows.redis import REDIS
from tests.faults.rows.regions import REGIONS
from tests.faults.rows.row import Row
from tests.faults.rows.upgrade import UPGRADE

ROWS: dict[str, Row] = {
    row.name: row for row in [*KILLS, *MESSAGES, *REDIS, *POSTGRES, *AZURE, *NETWORK, *UPGRADE, *REGIONS]
}
"""By name, in the order of the report."""


def rows_on(components: str) -> dict[str, Row]:
    """Those of which the fault is there."""
    return {name: row for name, row in ROWS.items() if components not in row.absent}


__all__ = ["ROWS", "Row", "rows_on"]
