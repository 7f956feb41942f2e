"""Routers, filters and middlewares."""

from __future__ import annotations

from duologue.dialogs.routing._checks import Filter
from duologue.dialogs.routing._filters import (
    Command,
    CommandObject,
    CommandStart,
    ExceptionTypeFilter,
)
from duologue.dialogs.routing._injection import Handler, HandlerData
from duologue.dialogs.routing._lifetime import LifetimeObserver
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
    "Middleware",
    "NextHandler",
    "Router",
    "Unhandled",
]
