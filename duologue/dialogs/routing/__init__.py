"""Routers, filters and middlewares."""

from __future__ import annotations

# _router, _observer: trees of handlers, and those of one kind of event
# _messages: those of messages of other programs
# _filters, _checks: what passes; _injection: arguments; _lifetime: beginning and end
from duologue.dialogs.routing._checks import Filter
from duologue.dialogs.routing._filters import (
    Command,
    CommandObject,
    CommandStart,
    ExceptionTypeFilter,
)
from duologue.dialogs.routing._injection import Handler, HandlerData
from duologue.dialogs.routing._lifetime import LifetimeObserver
from duologue.dialogs.routing._messages import MessageHandlers
from duologue.dialogs.routing._observer import (
    UNHANDLED,
    EventObserver,
    Middleware,
    NextHandler,
    Unhandled,
)
from duologue.dialogs.routing._router import Router

__all__ = [
    "UNHANDLED",
    "Command",
    "CommandObject",
    "CommandStart",
    "EventObserver",
    "ExceptionTypeFilter",
    "Filter",
    "Handler",
    "HandlerData",
    "LifetimeObserver",
    "MessageHandlers",
    "Middleware",
    "NextHandler",
    "Router",
    "Unhandled",
]
