"""What the `agents` command answers to the shell: one table for all commands."""

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1  # the work was tried and failed: the message says how
    USAGE = 2  # unknown option or wrong argument (click's own code)
    NOT_RUNNING = 3  # nothing runs here: `agents up` first
    NOT_READY = 4  # it runs, but something is not ready
    MISSING = 5  # the machine lacks something: compiler, disk space, network
    INVALID = 6  # a project file or a setting is wrong
    PORT_TAKEN = 7  # another program holds a port
    BUILD_FAILED = 8  # a download or build of the runtime failed
    NOT_FOUND = 9  # what was asked for does not exist
    INTERRUPTED = 130  # Ctrl-C


EXIT_CODES = """\b
Exit codes:
  0 done                     5 the machine lacks something
  1 failed                   6 a project file or setting is wrong
  2 wrong usage              7 a port is taken
  3 nothing runs             8 download or build failed
  4 not ready                9 not found            130 interrupted"""
