"""What callers log in with changes while they call: an agent that runs on takes the old and the new, then the new alone."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmarks.suite.processes import free_ports
from cli.local.provision.run import Programs
from infrastructure.identity.keys import new_key
from tests.integration.rotation.replicas import eventually
from tests.support.agent_process import AgentProcess, agent_process, model_server
from tests.support.issuer import AUDIENCE, LocalIssuer, local_issuer
from tests.support.processes import Redis, daprd
from tests.support.raw_http import get

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
