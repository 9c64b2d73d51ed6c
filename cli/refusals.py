"""Why an agent gave no answer: it is not there, it broke off, or it refuses in its documented words."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeAlias

from cli.errors import CommandError
from cli.exit_codes import ExitCode
from domain.errors import IdReused, InvalidInput, SidecarUnavailable, Unavailable
from domain.json import JsonObject

Command: TypeAlias = Callable[..., str]

_BY_STATUS = {
    400: ExitCode.USAGE,
    401: ExitCode.INVALID,
    403: ExitCode.INVALID,
    404: ExitCode.NOT_FOUND,
    413: ExitCode.USAGE,
    429: ExitCode.NOT_READY,
    503: ExitCode.NOT_READY,
}
_LOGIN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_DOWN: list[type[Unavailable]] = [Unavailable, *Unavailable.__subclasses__()]
_BY_CODE = {
    InvalidInput.code: ExitCode.USAGE,
    IdReused.code: ExitCode.USAGE,
    **{kind.code: ExitCode.NOT_READY for kind in _DOWN},
}


class Unreachable(CommandError):
    """Nothing answers at an agent's address."""

    def __init__(self, what: str, url: str, reason: str, hint: str) -> None:
        super().__init__(f"{what} does not answer at {url}: {reason}", hint=hint, code=ExitCode.NOT_RUNNING)


class Interrupted(CommandError):
    """The connection broke after the request was sent: whether it was taken is not known."""


class Refusal(CommandError):
    """The documented error of an agent. `refused` is its code, `details` what it says more; `status` the HTTP status."""

    def __init__(self, error: JsonObject, status: int | None, command: Command) -> None:
        self.refused = str(error["code"])
        self.details: JsonObject = error.get("details") or {}
        self.status = status
        code = _BY_CODE.get(self.refused) or _BY_STATUS.get(status or 0, ExitCode.FAILED)
        hint = _hint(self.refused, status, self.details, command)
        super().__init__(error["message"], hint=hint, code=code)

    @property
    def is_final(self) -> bool:
        """Asking again, or another agent, would change nothing: the request was wrong, or what it asks for is settled."""
        status = self.status or HTTPStatus.INTERNAL_SERVER_ERROR
        return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in {
            HTTPStatus.NOT_FOUND,
            HTTPStatus.TOO_MANY_REQUESTS,
        }


def takes_login(problem: CommandError) -> bool:
    """Whether it was refused for who asks; its hint says where that comes from."""
    return isinstance(problem, Refusal) and problem.status in _LOGIN


def _hint(refused: str, status: int | None, details: JsonObject, command: Command) -> str:
    if status in _LOGIN:
        return "`agents` sends what AGENTS_TOKEN holds: a token of the issuer or an API key; see docs/security.md"
    if "execution_id" not in details:
        if refused == SidecarUnavailable.code:
            return f"the sidecar, or the store or broker behind it, does not answer: {command('status')}, {command('doctor')}"
        return ""
    look = command("executions show", details["execution_id"])
    return f"{details['kept']}; {look}" if "kept" in details else look
