"""Handlers, filters and middlewares of one kind of event."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import EllipsisType
from typing import Final, TypeAlias, TypeVar, overload

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import BotStarted, MessageCreated
from duologue.dialogs._state._functions import name_of, takes
from duologue.dialogs.routing._checks import Check, Filter, passes
from duologue.dialogs.routing._filters import Command, CommandStart
from duologue.dialogs.routing._injection import Handler, HandlerData, Injected
from duologue.errors import HandlerError, RouterError

HandlerT = TypeVar("HandlerT", bound=Handler)
NextHandler: TypeAlias = Callable[[Json, HandlerData], Awaitable[Json]]
Middleware: TypeAlias = Callable[[NextHandler, Json, HandlerData], Awaitable[Json]]
MiddlewareT = TypeVar("MiddlewareT", bound=Middleware | EllipsisType)


class Unhandled:
    """The answer of a router that has no handler for an event."""

    def __repr__(self) -> str:
        return "UNHANDLED"

    def __bool__(self) -> bool:
        return False


UNHANDLED: Final = Unhandled()


class _Registered:
    """A handler and the filters before it."""

    __slots__ = ("checks", "commands", "handler")

    def __init__(self, handler: Handler, filters: Sequence[Filter]) -> None:
        self.handler = Injected(handler)
        self.checks = tuple(Check(chosen) for chosen in filters)
        self.commands = tuple(one for one in filters if isinstance(one, Command))

    @property
    def takes_start(self) -> bool:
        """Whether it takes the press on Start."""
        return any(isinstance(one, CommandStart) for one in self.commands)

    def knows_command(self, message: MessageCreated) -> bool:
        """Tell whether the message is the command that it is for."""
        return bool(self.commands) and all(one(message) for one in self.commands)


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
        self._checks: list[Check] = []
        # Decorators that decorate nothing yet, each with the filters it was made of.
        self._idle: dict[object, tuple[Filter, ...]] = {}

    def __call__(self, *filters: Filter) -> Callable[[HandlerT], HandlerT]:
        """Register the decorated function for events that pass all filters.

        Raises:
            RouterError: Something is no filter.
        """
        for chosen in filters:
            Check(chosen)

        def decorate(handler: HandlerT) -> HandlerT:
            self._idle.pop(decorate, None)
            self.register(handler, *filters)
            return handler

        self._idle[decorate] = filters
        return decorate

    @property
    def has_handlers(self) -> bool:
        """Whether anything is registered."""
        return bool(self._handlers)

    @property
    def takes_start(self) -> bool:
        """Whether a handler of messages takes the press on Start too."""
        return any(registered.takes_start for registered in self._handlers)

    def register(self, handler: Handler, *filters: Filter) -> None:
        """Register a function for events that pass all filters.

        Args:
            handler: `async (event, ...)`; see `Injected` for its arguments.
            filters: Magic filters, or functions of the event, async or not. One
                that returns a dict adds it to what the handler can ask for.

        Raises:
            HandlerError: The handler is not async or takes no event.
            RouterError: Something is no filter.
        """
        self._handlers.append(_Registered(handler, filters))

    def filter(self, *filters: Filter) -> None:
        """Let only events that pass all filters reach the handlers of this router.

        Raises:
            RouterError: Something is no filter.
        """
        self._checks.extend(Check(chosen) for chosen in filters)

    @overload
    def middleware(self, middleware: MiddlewareT, /) -> MiddlewareT: ...

    @overload
    def middleware(self) -> Callable[[MiddlewareT], MiddlewareT]: ...

    def middleware(
        self, *middleware: MiddlewareT
    ) -> MiddlewareT | Callable[[MiddlewareT], MiddlewareT]:
        """Wrap each handler, after its filters passed.

        It may stand above a function, with parentheses or without.

        Args:
            middleware: `async (handler, event, data)`, which awaits
                `handler(event, data)` or does not. `...` stands for one that is
                still to be written and does nothing.

        Raises:
            RouterError: It cannot be called.
        """
        add = partial(self._add, self.middlewares)
        return add(*middleware) if middleware else add

    @overload
    def outer_middleware(self, middleware: MiddlewareT, /) -> MiddlewareT: ...

    @overload
    def outer_middleware(self) -> Callable[[MiddlewareT], MiddlewareT]: ...

    def outer_middleware(
        self, *middleware: MiddlewareT
    ) -> MiddlewareT | Callable[[MiddlewareT], MiddlewareT]:
        """Wrap the search for a handler, before any filter; see `middleware`.

        Raises:
            RouterError: It cannot be called.
        """
        add = partial(self._add, self.outer_middlewares)
        return add(*middleware) if middleware else add

    def check(self, owner: str) -> None:
        """Make sure that every decorator has been put above a function.

        `@router.message` without parentheses takes the handler for a filter, and
        such a handler is never called.

        Args:
            owner: The router, as messages name it.

        Raises:
            RouterError: One has not.
        """
        for filters in self._idle.values():
            given = ", ".join(_shown(chosen) for chosen in filters)
            raise RouterError(
                f"{self.name}({given}) of {owner} stands above no function, so nothing "
                f"is called; write `@router.{self.name}()`, with parentheses, above "
                "each handler"
            )

    def knows_command(self, message: MessageCreated) -> bool:
        """Tell whether the message is a command that a handler is for."""
        return any(registered.knows_command(message) for registered in self._handlers)

    async def allows(self, event: object, data: HandlerData) -> bool:
        """Tell whether the event passes the filters of the whole router."""
        return await passes(self._checks, event, data)

    async def trigger(
        self,
        event: object,
        data: HandlerData,
        middlewares: Sequence[Middleware],
        *,
        only_commands: bool = False,
    ) -> Json:
        """Call the first handler whose filters pass.

        Args:
            event: What happened.
            data: What handlers can ask for.
            middlewares: What to wrap the handler in, the outermost first.
            only_commands: Whether only handlers of commands are asked.

        Returns:
            What it returned, or `UNHANDLED`.
        """
        is_start = self.name == "message" and isinstance(event, BotStarted)
        for registered in self._handlers:
            if is_start and not registered.takes_start:
                continue
            if only_commands and not registered.commands:
                continue
            if await passes(registered.checks, event, data):
                return await wrap(middlewares, _then_render(registered.handler))(
                    event, data
                )
        return UNHANDLED

    def _add(self, middlewares: list[Middleware], added: MiddlewareT, /) -> MiddlewareT:
        if not isinstance(added, EllipsisType):
            _check_middleware(added, self.name)
            middlewares.append(added)
        return added


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
        result = middleware(handler, event, data)
        if not inspect.isawaitable(result):
            raise HandlerError(
                name_of(middleware),
                "a middleware is an `async def (handler, event, data)` that does "
                "`return await handler(event, data)`",
            )
        return await result

    return call


def _check_middleware(added: object, event_name: str) -> None:
    if isinstance(added, type):
        name = added.__name__
        raise RouterError(
            f"the class {name} is no middleware of {event_name}; give an instance: "
            f"{name}()"
        )
    if not callable(added) or not takes(added, 3):
        raise RouterError(
            f"{_shown(added)} is no middleware of {event_name}; give an "
            "`async def (handler, event, data)`"
        )


def _shown(value: object) -> str:
    return name_of(value) if inspect.isroutine(value) else repr(value)
