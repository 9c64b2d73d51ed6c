"""Where the time of any agent's task goes: `make profile AGENT=implementation TASK=generate-code`."""
