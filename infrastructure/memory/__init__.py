"""In-process twins of every port: what tests and single-process runs use. Each passes the contract suite of its adapter."""
