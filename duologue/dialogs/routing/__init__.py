"""Routers, filters and middlewares."""

from __future__ import annotations

from duologue.dialogs.routing._checks import Filter
from duologue.dialogs.routing._filters import Command, CommandObject, CommandStart
from duologue.dialogs.routing._injection import Handler, HandlerData
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
    "Filter",
    "Handler",
    "HandlerData",
    "Middleware",
    "NextHandler",
    "Router",
    "Unhandled",
]
