"""Chat-bot dialogs as actors: one conversation, one mailbox, one turn at a time.

The names here are imported when they are first used, so that `import duologue`
stays cheap.
"""

# ruff: noqa: I002  # no __future__ here: Pythons too old for it are to read this file
import sys
from importlib import import_module

if sys.version_info < (3, 11):  # noqa: UP036  # says so in place of a syntax error
    raise ImportError(
        "duologue needs Python 3.11 or newer, and this is Python %d.%d; make an "  # noqa: UP031  # as old Pythons write it
        "environment with a newer one, such as `python3.12 -m venv .venv`"
        % sys.version_info[:2]
    )

__version__ = "0.1.0"
__all__ = ["Dispatcher", "F", "LongPolling", "Router", "Runtime", "Webhook"]  # pyright: ignore[reportUnsupportedDunderAll]  # see __init__.pyi

_HOMES = {
    "Dispatcher": "duologue.dialogs",
    "F": "magic_filter",
    "LongPolling": "duologue.polling",
    "Router": "duologue.dialogs.routing",
    "Runtime": "duologue.runtime",
    "Webhook": "duologue.webhook",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        message = f"module 'duologue' has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
