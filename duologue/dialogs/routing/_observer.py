"""Handlers, filters and middlewares of one kind of event."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from types import EllipsisType
from typing import Final, TypeAlias, TypeVar

from magic_filter import MagicFilter

from duologue.dialogs._data import Function, Json
from duologue.dialogs.routing._injection import Handler, HandlerData, Injected
from duologue.errors import HandlerError, RouterError

HandlerT = TypeVar("HandlerT", bound=Handler)
NextHandler: TypeAlias = Callable[[Json, HandlerData], Awaitable[Json]]
Middleware: TypeAlias = Callable[[NextHandler, Json, HandlerData], Awaitable[Json]]
Filter: TypeAlias = "MagicFilter | Function"


class Unhandled:
    """The answer of a router that has no handler for an event."""

    def __repr__(self) -> str:
        return "UNHANDLED"

    def __bool__(self) -> bool:
        return False


UNHANDLED: Final = Unhandled()


class _Check:
    """One filter, whatever its form."""

    __slots__ = ("_call", "_magic")

    def __init__(self, chosen: Filter) -> None:
        self._magic = chosen if isinstance(chosen, MagicFilter) else None
        self._call: Injected | Function | None = None
        if self._magic is None:
            self._call = _filter_call(chosen)

    async def __call__(self, event: object, data: HandlerData) -> Json:
        if self._magic is not None:
            return self._magic.resolve(event)
        if isinstance(self._call, Injected):
            return await self._call(event, data)
        assert self._call is not None  # noqa: S101  # one of the two is set
        return self._call(event)


class _Registered:
    """A handler and the filters before it."""

    __slots__ = ("checks", "handler")

    def __init__(self, handler: Handler, filters: Sequence[Filter]) -> None:
        self.handler = Injected(handler)
        self.checks = tuple(_Check(chosen) for chosen in filters)


class EventObserver:
    """What a router does with one kind of event.

    Use it as a decorator, `@router.message(F.text == "hi")`, or call `register`.

    Args:
        name: The kind of event.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.middlewares: list[Middleware] = []
        self.outer_middlewares: list[Middleware] = []
        self._handlers: list[_Registered] = []
        self._checks: list[_Check] = []

    def __call__(self, *filters: Filter) -> Callable[[HandlerT], HandlerT]:
        """Register the decorated function for events that pass all filters."""

        def decorate(handler: HandlerT) -> HandlerT:
            self.register(handler, *filters)
            return handler

        return decorate

    @property
    def has_handlers(self) -> bool:
        """Whether anything is registered."""
        return bool(self._handlers)

    def register(self, handler: Handler, *filters: Filter) -> None:
        """Register a function for events that pass all filters.

        Args:
            handler: `async (event, ...)`; see `Injected` for its arguments.
            filters: Magic filters, or functions of the event, async or not. One
                that returns a dict adds it to what the handler can ask for.

        Raises:
            HandlerError: The handler is not async or takes no event.
        """
        self._handlers.append(_Registered(handler, filters))

    def filter(self, *filters: Filter) -> None:
        """Let only events that pass all filters reach the handlers of this router."""
        self._checks.extend(_Check(chosen) for chosen in filters)

    def middleware(self, middleware: Middleware | EllipsisType) -> None:
        """Wrap each handler, after its filters passed.

        Args:
            middleware: `async (handler, event, data)`, which awaits
                `handler(event, data)` or does not. `...` stands for one that is
                still to be written and does nothing.

        Raises:
            RouterError: It cannot be called.
        """
        self._add(self.middlewares, middleware)

    def outer_middleware(self, middleware: Middleware | EllipsisType) -> None:
        """Wrap the search for a handler, before any filter.

        Args:
            middleware: As for `middleware`.

        Raises:
            RouterError: It cannot be called.
        """
        self._add(self.outer_middlewares, middleware)

    async def allows(self, event: object, data: HandlerData) -> bool:
        """Tell whether the event passes the filters of the whole router."""
        return await _passes(self._checks, event, data)

    async def trigger(
        self, event: object, data: HandlerData, middlewares: Sequence[Middleware]
    ) -> Json:
        """Call the first handler whose filters pass.

        Returns:
            What it returned, or `UNHANDLED`.
        """
        for registered in self._handlers:
            if await _passes(registered.checks, event, data):
                return await wrap(middlewares, _then_render(registered.handler))(
                    event, data
                )
        return UNHANDLED

    def _add(
        self, middlewares: list[Middleware], added: Middleware | EllipsisType
    ) -> None:
        if added is ...:
            return
        if not callable(added):
            raise RouterError(
                f"{added!r} is no middleware of {self.name}; give an "
                "`async def (handler, event, data)`"
            )
        middlewares.append(added)


def wrap(middlewares: Sequence[Middleware], handler: NextHandler) -> NextHandler:
    """Put middlewares around a handler; the first one is outermost."""
    for middleware in reversed(middlewares):
        handler = _around(middleware, handler)
    return handler


def _then_render(handler: NextHandler) -> NextHandler:
    """Render inside the middlewares, while what they provide is still open."""

    async def call(event: Json, data: HandlerData) -> Json:
        result = await handler(event, data)
        manager = data.get("dialog_manager")
        if manager is not None:
            await manager.render()
        return result

    return call


def _around(middleware: Middleware, handler: NextHandler) -> NextHandler:
    async def call(event: Json, data: HandlerData) -> Json:
        return await middleware(handler, event, data)

    return call


async def _passes(checks: Sequence[_Check], event: object, data: HandlerData) -> bool:
    found: HandlerData = {}
    for check in checks:
        result = await check(event, data)
        if inspect.isawaitable(result):
            result = await result
        if not result:
            return False
        if isinstance(result, dict):
            found |= result
    data.update(found)
    return True


def _filter_call(chosen: Function) -> Injected | Function:
    try:
        return Injected(chosen)
    except HandlerError:
        if not callable(chosen):
            raise
        return chosen
