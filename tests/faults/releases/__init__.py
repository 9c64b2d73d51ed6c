"""One agent in two releases: `newer` is rolled out over `older`, and taken back. They share nothing of what changed."""
