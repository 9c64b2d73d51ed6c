"""Traces, metrics and logs. `otel.py` is the adapter of the port, `model.py`, `state.py` and `pubsub.py` wrap other ports."""
