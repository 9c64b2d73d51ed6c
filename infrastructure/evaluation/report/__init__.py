"""Reports of evaluations: for a terminal, for a build server (JUnit), for people (one HTML file)."""
