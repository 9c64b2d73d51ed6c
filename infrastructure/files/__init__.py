"""Writing files that others read and write at the same time."""
