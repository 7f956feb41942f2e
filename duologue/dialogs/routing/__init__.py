"""Routers, filters and middlewares."""

from __future__ import annotations

from duologue.dialogs.routing._filters import Command, CommandObject, CommandStart
from duologue.dialogs.routing._injection import Handler, HandlerData
from duologue.dialogs.routing._observer import (
    UNHANDLED,
    Filter,
    Middleware,
    NextHandler,
    Observer,
    Unhandled,
)
from duologue.dialogs.routing._router import DIALOG_EVENT_NAME, Router

__all__ = [
    "DIALOG_EVENT_NAME",
    "UNHANDLED",
    "Command",
    "CommandObject",
    "CommandStart",
    "Filter",
    "Handler",
    "HandlerData",
    "Middleware",
    "NextHandler",
    "Observer",
    "Router",
    "Unhandled",
]
