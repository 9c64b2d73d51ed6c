"""`models.yaml`: its schema, how it is read, and what is checked of it before an agent starts."""
