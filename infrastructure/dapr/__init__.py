"""The Dapr sidecar as state store, publisher and subscription, over gRPC.

The generated stub is driven directly: the SDK's client blocks its constructor for up to a minute without a sidecar,
sets no deadlines on state calls, and its subscription handles one message at a time.
"""
