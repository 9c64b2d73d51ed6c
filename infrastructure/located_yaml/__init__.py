"""YAML files that people write, read so that whatever is wrong is named by line and column, all of it at once."""
