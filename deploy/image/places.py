"""Where the image is built: everything that is made lies below dist/image."""

from __future__ import annotations

from deploy.declared import ROOT

NAME = "my-agents"
OUT = ROOT / "dist" / "image"
DOCKERFILE = ROOT / "Dockerfile"
LOCK = ROOT / "deploy" / "image" / "debian.lock"
"""Which packages of Debian are in the image."""
LAYOUT = OUT / "oci"
"""The image itself, as an OCI layout."""
SBOM = OUT / "sbom.cdx.json"
