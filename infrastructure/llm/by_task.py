"""Each task asks the model that the file of models gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.chat import ChatReply, ChatRequest
from domain.ports.model import LanguageModel


class ModelByTask:
    """`LanguageModel` that passes a request on by its origin's task; `default` gets all others, and those without one."""

    def __init__(self, routes: Mapping[str, LanguageModel], default: LanguageModel) -> None:
        self._routes = dict(routes)
        self._default = default

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> ChatReply:
        task = request.origin.task if request.origin else ""
        return await self._routes.get(task, self._default).complete(request, on_text)

    async def check(self) -> None:
        """Every one must be well: the agent does all of its tasks or is not ready."""
        for model in self._all():
            await model.check()

    async def close(self) -> None:
        for model in self._all():
            await model.close()

    def _all(self) -> list[LanguageModel]:
        return list(dict.fromkeys([self._default, *self._routes.values()]))
