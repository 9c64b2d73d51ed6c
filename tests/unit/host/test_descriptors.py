"""A process that was given few descriptors takes as many as it may have."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

LIMITED = """
import resource
from infrastructure.host.descriptors import allow_enough
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_enough()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "then"), [(256, 8192, "4096 8192"), (256, 1024, "1024 1024"), (6000, 8192, "6000 8192")]
)
def test_the_soft_limit_is_raised_as_far_as_the_hard_one_allows(soft: int, hard: int, then: str) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip(f"this machine allows fewer than {hard}")
    script = LIMITED.format(soft=soft, hard=hard)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == then
