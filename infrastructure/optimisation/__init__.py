"""From cases to a better draft: examples and instructions are searched on some cases, and judged on others."""
