"""What an application does when its runtime begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from duologue.dialogs.routing._injection import Handler, HandlerData, Injected
from duologue.errors import RouterError

HandlerT = TypeVar("HandlerT", bound=Handler)


class LifetimeObserver:
    """The functions of a router for the beginning or the end of a runtime.

    Use it as a decorator, `@router.startup()`, or call `register`.

    Args:
        name: `startup` or `shutdown`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: list[Injected] = []

    def __call__(self, *given: object) -> Callable[[HandlerT], HandlerT]:
        """Register the decorated function.

        Raises:
            RouterError: It stands above a function without its parentheses.
        """
        if given:
            raise RouterError(
                f"{self.name} takes no filters; write `@router.{self.name}()`, with "
                "parentheses, above each function"
            )

        def decorate(handler: HandlerT) -> HandlerT:
            self.register(handler)
            return handler

        return decorate

    def register(self, handler: Handler) -> None:
        """Register a function.

        Args:
            handler: `async (...)`, which asks for its arguments by name or class as
                handlers do. There is no event.

        Raises:
            HandlerError: It is not async.
        """
        self._handlers.append(Injected(handler, takes_event=False))

    async def trigger(self, data: HandlerData) -> None:
        """Call all functions, in the order of their registration."""
        for handler in self._handlers:
            await handler.without_event(data)
