"""The outside world: model server, webhook receiver, mail sink and a tail of the broker, counting what they see."""
