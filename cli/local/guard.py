"""The supervisor's end of the guardian: keeps it running and tells it which process groups exist."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_SCRIPT = Path(__file__).with_name("guardian.py")


class Guard:
    """Owns the guardian process. Told of each group's start and end; a guardian that died is replaced."""

    def __init__(self, lock: int) -> None:
        """The guardian inherits the lock's descriptor: an instance counts as running until all of it has ended."""
        self._lock = lock
        self._groups: set[int] = set()
        self._start()

    def tell(self, sign: str, group: int) -> None:
        (self._groups.add if sign == "+" else self._groups.discard)(group)
        try:
            os.write(self._pipe, f"{sign}{group}\n".encode())
        except BrokenPipeError:
            self.close()
            self._start()

    def close(self) -> None:
        """Let it end; whatever groups are left, it ends with it."""
        os.close(self._pipe)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)

    def _start(self) -> None:
        reading, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(_SCRIPT), str(reading)],
            pass_fds=[reading, self._lock],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C and the end of the terminal are not for it
        )
        os.close(reading)
        for group in self._groups:
            os.write(self._pipe, f"+{group}\n".encode())
