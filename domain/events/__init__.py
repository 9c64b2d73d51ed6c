"""The shared vocabulary: every agent's event types. An event's payload is bounded, so that it fits every broker."""
