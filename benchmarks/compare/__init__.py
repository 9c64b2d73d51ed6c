"""Two states of this product in turn on this machine, and what can be told from it: `make bench-compare REF=…`."""
