"""The brokers and stores that the suite runs on, by the name of their components."""

from tests.faults.components.azure import AzureStandIns
from tests.faults.components.port import Broker, Components
from tests.faults.components.postgres import OnPostgres
from tests.faults.components.redis import OnRedis

COMPONENTS: dict[str, Components] = {one.name: one for one in (OnRedis(), OnPostgres(), AzureStandIns())}

__all__ = ["COMPONENTS", "Broker", "Components"]
