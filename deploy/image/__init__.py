"""The agents' image: `make image` builds it, `make verify-image` proves it, without a container registry."""
