"""What a caller must be allowed for a route, declared where the route is; and the audit record of what privileged callers do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial, wraps
from typing import Any, TypeAlias

from fastapi import Request, Response
from starlette.routing import BaseRoute

from agents.runtime.policy import judge
from domain.errors import AgentError
from infrastructure.host.requests import HttpError, read_body
from infrastructure.host.security import CALLER
from infrastructure.host.service import service_of
from infrastructure.identity.caller import Caller
from infrastructure.identity.roles import Permission, roles_with

_NEEDED, _ACT = "needed_permission", "audited_act"
LARGEST = 65_536
"""Bytes of an audited act's body: it is read before the act is recorded."""

Handler: TypeAlias = Callable[..., Awaitable[Response]]
Declare: TypeAlias = Callable[[Handler], Handler]


def open_to_all(handler: Handler) -> Handler:
    """For probes, which the guard lets pass: whoever restarts a process has no token."""
    handler.__dict__[_NEEDED] = None
    return handler


def needs(permission: Permission, *, act: str | None = None) -> Declare:
    """What the caller of this route must be allowed. `act`: its name in the audit trail, for what is privileged."""

    def declare(handler: Handler) -> Handler:
        @wraps(handler)
        async def allowed(request: Request, **path: str) -> Response:
            caller = caller_of(request)
            if permission not in caller.permissions:
                if act is not None:
                    service_of(request).audit.refuse(caller, act, _target(request))
                raise _forbidden(caller, permission)
            if act is None:
                return await handler(request, **path)
            return await _recorded(request, caller, act, partial(handler, request, **path))

        allowed.__dict__ |= {_NEEDED: permission, _ACT: act}
        return allowed

    return declare


def caller_of(request: Request) -> Caller:
    """As the guard found out."""
    caller: Caller = request.scope[CALLER]
    return caller


def needed(route: BaseRoute) -> Permission | None:
    """What a route asks for, None for one that is open to all.

    Raises:
        TypeError: it does not say.

    """
    declared = _declared(route)
    if _NEEDED not in declared:
        raise TypeError(
            f"{route}: put @needs(Permission.…) below the route's own decorator: who may call it?"
        )
    permission: Permission | None = declared[_NEEDED]
    return permission


def act_of(route: BaseRoute) -> str | None:
    """Its name in the audit trail."""
    return _declared(route).get(_ACT)


def require_declared(routes: Iterable[BaseRoute]) -> None:
    """Raise `TypeError` for a route that does not say who may call it."""
    for route in routes:
        needed(route)


def _declared(route: BaseRoute) -> dict[str, Any]:
    return getattr(getattr(route, "endpoint", None), "__dict__", {})


async def _recorded(
    request: Request, caller: Caller, act: str, do: Callable[[], Awaitable[Response]]
) -> Response:
    trail = service_of(request).audit
    begun = await trail.begin(caller, act, _target(request), await read_body(request, LARGEST))
    try:
        response = await do()
    except AgentError as error:
        code = error.error_code if isinstance(error, HttpError) else error.code
        await trail.end(begun, "failed", code)
        raise
    except Exception as error:
        await trail.end(begun, "failed", judge(error).code)
        raise
    await trail.end(begun, "done")
    return response


def _target(request: Request) -> str:
    return "/".join(map(str, request.path_params.values()))


def _forbidden(caller: Caller, permission: Permission) -> HttpError:
    able = roles_with(permission)
    yours = ", ".join(caller.roles) or "none"
    return HttpError(
        403,
        "forbidden",
        f"this takes the permission {permission}, of the roles {', '.join(able)}; yours: {yours}. Ask whoever gives "
        "roles for one, or use another token or API key",
        headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
        needs=permission.value,
        roles=able,
        yours=[*caller.roles],
    )
