"""The one kind of error a command raises on purpose."""

from cli.exit_codes import ExitCode


class CommandError(Exception):
    """What was wrong and where, what to do next (`hint`), and what to answer to the shell."""

    def __init__(self, message: str, *, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
