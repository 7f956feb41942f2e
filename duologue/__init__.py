"""Chat-bot dialogs as actors: one conversation, one mailbox, one turn at a time.

The names here are imported when they are first used, so that `import duologue`
stays cheap.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["Dispatcher", "F", "LongPolling", "Router", "Runtime"]  # pyright: ignore[reportUnsupportedDunderAll]  # see __init__.pyi

_HOMES = {
    "Dispatcher": "duologue.dialogs",
    "F": "magic_filter",
    "LongPolling": "duologue.polling",
    "Router": "duologue.dialogs.routing",
    "Runtime": "duologue.runtime",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        message = f"module 'duologue' has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
