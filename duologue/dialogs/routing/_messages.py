"""Handlers of messages that other programs send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from duologue.dialogs.routing._checks import Filter
from duologue.dialogs.routing._injection import Handler
from duologue.dialogs.routing._observer import EventObserver, Middleware
from duologue.messages import tag_of

HandlerT = TypeVar("HandlerT", bound=Handler)


class _HasContext(Protocol):
    def has_context(self) -> bool: ...


class MessageHandlers:
    """Handlers of messages, by their class: `@router.told(OrderPaid)`.

    A handler is given the message and, by annotation or name, what others are given: the
    `DialogManager`, the bot, States. Only messages of a class that has one are let in.

    Args:
        observer: Keeps the handlers.
    """

    def __init__(self, observer: EventObserver) -> None:
        self._observer = observer
        self.classes: list[type[object]] = []

    def __call__(
        self, cls: type[object], *filters: Filter, needs_dialog: bool = False
    ) -> Callable[[HandlerT], HandlerT]:
        """Register the decorated function for messages of a class.

        Args:
            cls: The class, which has a tag.
            filters: As those of other handlers; they are given the message.
            needs_dialog: Whether it is for open dialogs only. Where no dialog is open and
                no other handler takes the message, the sender hears of it.

        Raises:
            MessageClassError: It is no class of messages.
            RouterError: Something is no filter.
        """
        tag_of(cls)

        async def fits(message: object, dialog_manager: _HasContext) -> bool:
            is_open = not needs_dialog or dialog_manager.has_context()
            return isinstance(message, cls) and is_open

        register = self._observer(fits, *filters)
        if cls not in self.classes:
            self.classes.append(cls)
        return register

    def middleware(self, middleware: Middleware) -> Middleware:
        """Wrap each handler, after its filters passed; the event is the message."""
        return self._observer.middleware(middleware)

    def outer_middleware(self, middleware: Middleware) -> Middleware:
        """Wrap the search for a handler, before any filter."""
        return self._observer.outer_middleware(middleware)

    def filter(self, *filters: Filter) -> None:
        """Let only messages that pass all filters reach the handlers of this router."""
        self._observer.filter(*filters)
