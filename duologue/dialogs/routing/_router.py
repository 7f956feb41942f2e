"""Routers: trees of handlers."""

from __future__ import annotations

from collections.abc import Iterator

from duologue.dialogs._chat._data import Json
from duologue.dialogs._chat._updates import MessageCreated
from duologue.dialogs.routing._injection import HandlerData
from duologue.dialogs.routing._lifetime import LifetimeObserver
from duologue.dialogs.routing._messages import MessageHandlers
from duologue.dialogs.routing._observer import (
    UNHANDLED,
    EventObserver,
    Middleware,
    wrap,
)
from duologue.errors import RouterError

DIALOG_EVENT_NAME = "dialog_update"
"""The kind of event under which background calls pass the middlewares."""

MESSAGE_EVENTS = ("told", "asked")
"""The kinds of messages that other programs send."""

UPDATE_EVENTS = (
    "message",
    "edited_message",
    "removed_message",
    "callback_query",
    "bot_started",
    "bot_stopped",
    "bot_added",
    "bot_removed",
    "user_added",
    "user_removed",
    "chat_title_changed",
    "dialog_cleared",
    "dialog_muted",
    "dialog_unmuted",
    "dialog_removed",
    "bot_admin_permissions_changed",
    "unreadable_message",
    "comment",
    "edited_comment",
    "removed_comment",
)


class Router:
    """Handlers for the kinds of events, and other routers.

    The handlers of a router are asked in the order of their registration, then
    the routers included in it; the first match wins. But handlers of commands, anywhere
    in the tree, come before the inputs of dialogs.

    Args:
        name: Shows up in messages about this router.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name: str = name or f"{type(self).__name__} {id(self):x}"
        self.parent_router: Router | None = None
        self.sub_routers: list[Router] = []
        self.observers: dict[str, EventObserver] = {
            event: EventObserver(event)
            for event in (*UPDATE_EVENTS, DIALOG_EVENT_NAME, *MESSAGE_EVENTS, "error")
        }
        self.message: EventObserver = self.observers["message"]
        self.edited_message: EventObserver = self.observers["edited_message"]
        self.removed_message: EventObserver = self.observers["removed_message"]
        self.callback_query: EventObserver = self.observers["callback_query"]
        self.bot_started: EventObserver = self.observers["bot_started"]
        self.bot_stopped: EventObserver = self.observers["bot_stopped"]
        self.bot_added: EventObserver = self.observers["bot_added"]
        self.bot_removed: EventObserver = self.observers["bot_removed"]
        self.user_added: EventObserver = self.observers["user_added"]
        self.user_removed: EventObserver = self.observers["user_removed"]
        self.chat_title_changed: EventObserver = self.observers["chat_title_changed"]
        self.dialog_cleared: EventObserver = self.observers["dialog_cleared"]
        self.dialog_muted: EventObserver = self.observers["dialog_muted"]
        self.dialog_unmuted: EventObserver = self.observers["dialog_unmuted"]
        self.dialog_removed: EventObserver = self.observers["dialog_removed"]
        self.bot_admin_permissions_changed: EventObserver = self.observers[
            "bot_admin_permissions_changed"
        ]
        self.unreadable_message: EventObserver = self.observers["unreadable_message"]
        self.comment: EventObserver = self.observers["comment"]
        self.edited_comment: EventObserver = self.observers["edited_comment"]
        self.removed_comment: EventObserver = self.observers["removed_comment"]
        self.error: EventObserver = self.observers["error"]
        self.errors: EventObserver = self.error  # both names are known
        self.told: MessageHandlers = MessageHandlers(self.observers["told"])
        self.asked: MessageHandlers = MessageHandlers(self.observers["asked"])
        self.startup: LifetimeObserver = LifetimeObserver("startup")
        self.shutdown: LifetimeObserver = LifetimeObserver("shutdown")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def include_router(self, router: Router) -> Router:
        """Put another router behind the handlers of this one.

        Returns:
            The other router.

        Raises:
            RouterError: It is no router, or included somewhere already, or is this
                one or above it.
        """
        _check_router(router)
        if router.parent_router is not None:
            raise RouterError(
                f"{router!r} is included in {router.parent_router!r} already; "
                "make a second one"
            )
        if router in self.chain():
            raise RouterError(f"{router!r} cannot be included below itself")
        router.parent_router = self
        self.sub_routers.append(router)
        return router

    def include_routers(self, *routers: Router) -> None:
        """Include several routers; they are asked in this order."""
        for router in routers:
            self.include_router(router)

    def chain(self) -> list[Router]:
        """This router and those around it, the outermost last."""
        found: list[Router] = [self]
        while found[-1].parent_router is not None:
            found.append(found[-1].parent_router)
        return found

    def walk(self) -> Iterator[Router]:
        """This router and all below it, in the order in which they are asked."""
        yield self
        for router in self.sub_routers:
            yield from router.walk()

    def middlewares_of(self, event_name: str) -> list[Middleware]:
        """The middlewares around a handler of this router, the outermost first."""
        return [
            middleware
            for router in reversed(self.chain())
            for middleware in router.observers[event_name].middlewares
        ]

    async def propagate(
        self, event_name: str, event: object, data: HandlerData
    ) -> Json:
        """Offer an event to this router and those below it.

        What a router below has added to the data is taken out again if nobody there
        takes the event: the next router must not find it.

        Returns:
            What the handler returned, or `UNHANDLED`.
        """
        observer = self.observers[event_name]

        async def search(found: Json, found_data: HandlerData) -> Json:
            if not await observer.allows(found, found_data):
                return UNHANDLED
            result = await self._trigger(event_name, found, found_data)
            for router in self.sub_routers:
                if result is not UNHANDLED:
                    break
                result = await router._offer(event_name, found, found_data)  # noqa: SLF001  # one of us
            return result

        return await wrap(observer.outer_middlewares, search)(event, data)

    async def offer_command(self, message: MessageCreated, data: HandlerData) -> Json:
        """Offer a message to the handlers of commands, wherever in the tree they are.

        It is on its way through this router, so what stands around it has let it pass.

        Returns:
            What the handler returned, or `UNHANDLED`.
        """
        chain = self.chain()
        return await chain[-1]._search_command(message, data, frozenset(chain))  # noqa: SLF001  # one of us

    async def _search_command(
        self, message: MessageCreated, data: HandlerData, passed: frozenset[Router]
    ) -> Json:
        if not any(router.message.knows_command(message) for router in self.walk()):
            return UNHANDLED
        observer, known = self.message, dict(data)

        async def search(found: Json, found_data: HandlerData) -> Json:
            if self not in passed and not await observer.allows(found, found_data):
                return UNHANDLED
            around = self.middlewares_of(observer.name)
            result = await observer.trigger(
                found, found_data, around, only_commands=True
            )
            for router in self.sub_routers:
                if result is not UNHANDLED:
                    break
                result = await router._search_command(found, found_data, passed)  # noqa: SLF001  # one of us
            return result

        outer = () if self in passed else observer.outer_middlewares
        result = await wrap(outer, search)(message, data)
        if result is UNHANDLED:
            data.clear()
            data.update(known)
        return result

    async def _offer(self, event_name: str, event: object, data: HandlerData) -> Json:
        """Offer an event; forget what was found for it if nobody takes it."""
        known = dict(data)
        result = await self.propagate(event_name, event, data)
        if result is UNHANDLED:
            data.clear()
            data.update(known)
        return result

    async def _trigger(self, event_name: str, event: object, data: HandlerData) -> Json:
        return await self.observers[event_name].trigger(
            event, data, self.middlewares_of(event_name)
        )


def _check_router(router: object) -> None:
    if isinstance(router, Router):
        return
    advice = "give an instance of Router or Dialog"
    if isinstance(router, list | tuple):
        advice = "use include_routers(*routers) for several"
    raise RouterError(f"{router!r} is no router and cannot be included; {advice}")
