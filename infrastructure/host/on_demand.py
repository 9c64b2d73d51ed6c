"""Routes that are made when somebody asks for one of them, so that they are no part of an agent's start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from threading import Lock

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Rest:
    """Adds the rest of the routes, once, whoever calls it and from whichever thread."""

    def __init__(self, add: Callable[[], None]) -> None:
        self.is_there = False
        self._add = add
        self._turn = Lock()

    def __call__(self) -> None:
        with self._turn:
            if not self.is_there:
                self._add()
                self.is_there = True


class OnDemand:
    """Lets a request that none of the `routes` of the start answers wait for the rest; made in a thread, for the work goes on.

    `root` is the path below which the rest is. A sidecar asks for other paths at every start.
    """

    def __init__(self, app: ASGIApp, rest: Rest, root: str, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._rest = rest
        self._root = root
        self._answered = {
            (method, route.path)
            for route in routes
            if isinstance(route, Route)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._rest.is_there and scope["type"] == "http" and self._wants_rest(scope):
            await asyncio.to_thread(self._rest)
        await self._app(scope, receive, send)

    def _wants_rest(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path.startswith(self._root) and (scope["method"], path) not in self._answered
