"""What the agents do: a room for each, and `runtime`, which knows what an agent is."""
