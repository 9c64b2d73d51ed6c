"""New agents, tasks and prompts as files: made in memory, checked, then written all or none. The texts are in `templates`."""
