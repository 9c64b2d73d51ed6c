"""Stand-in for Azure Cosmos DB (SQL API): the REST calls that a Dapr sidecar makes.

Left out: every query but the one by which a sidecar reads several documents, consistency levels, indexes, Entra ID.
"""
