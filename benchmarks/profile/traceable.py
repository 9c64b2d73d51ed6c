"""`python -m infrastructure.host`, in a process that its siblings may trace: Ubuntu and others allow that to parents only.

python -m benchmarks.profile.traceable agents.implementation:AGENT
"""

from __future__ import annotations

import ctypes
import runpy

PR_SET_PTRACER = 0x59616D61
PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)

if __name__ == "__main__":
    # Where Yama is not there this fails, and nobody forbids anything.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    runpy.run_module("infrastructure.host", run_name="__main__", alter_sys=True)
