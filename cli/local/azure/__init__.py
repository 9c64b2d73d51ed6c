"""Stand-ins for Azure Service Bus and Cosmos DB, for `agents up --components azure-stand-ins` and the tests.

They speak the services' own protocols as far as a Dapr sidecar uses them, strictly, so that its real components run on them
unchanged. They are no Azure: they keep nothing, and what they cannot show is listed in docs/azure.md. Nothing that runs in
production imports them.
"""
