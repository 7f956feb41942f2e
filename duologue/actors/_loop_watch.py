"""Learn that an event loop is closed; asyncio itself tells nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class _WatchedClose:
    """Stands in front of the `close()` of one loop.

    Args:
        loop: The loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._close = loop.close
        self.callbacks: list[Callable[[], object]] = []

    def __call__(self) -> None:
        self._close()
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


def when_closed(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], object]
) -> Callable[[], None]:
    """Have something called when a loop is closed, by the thread that closes it.

    Args:
        loop: The loop. One that lets nobody replace its `close` is not watched.
        callback: What to call; it must not raise.

    Returns:
        What calls it off.
    """
    close: object = loop.close
    if not isinstance(close, _WatchedClose):
        close = _WatchedClose(loop)
        try:
            setattr(loop, "close", close)  # noqa: B010 - it is typed as a method
        except AttributeError:
            return _nothing
    close.callbacks.append(callback)
    watch = close

    def forget() -> None:
        if callback in watch.callbacks:
            watch.callbacks.remove(callback)
        if not watch.callbacks and vars(loop).get("close") is watch:
            del loop.close

    return forget


def _nothing() -> None:
    """There is nothing to call off."""
