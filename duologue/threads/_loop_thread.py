"""An event loop on a thread of its own, and the one door through which others reach it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from duologue.actors._blocking import refuse_to_block
from duologue.errors import BlockingCallError, ForkedError, RuntimeStoppedError

_LAST_WORDS = 5.0  # seconds for the loop to close when all its work has ended
_logger = logging.getLogger("duologue.threads")


class Work(Protocol):
    """Something that runs on the loop while a thread waits for its outcome."""

    def begin(self) -> None:
        """Begin; called on the loop."""

    def cancel(self, reason: Exception) -> None:
        """Let it end soon with this error; called on the loop."""


class LoopThread:
    """Runs an event loop on another thread for as long as a `with` block.

    The thread is a daemon: a program that ends inside the block does not wait for it.

    Args:
        name: The name of the thread, which log records carry.
    """

    def __init__(self, name: str) -> None:
        self._lock = threading.RLock()  # a signal handler may call while it is held
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Future[None] | None = None
        self._work: set[Work] = set()
        self._opened = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._opened.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel what still runs, close the loop and wait for the thread."""
        if self.is_forked:
            return
        self._post(self._close)
        self._thread.join(_LAST_WORDS)
        if self._thread.is_alive():
            _logger.warning(
                "the thread %s did not end within %g s and is left behind; something "
                "blocks its loop or a thread of its pool",
                self._thread.name,
                _LAST_WORDS,
            )

    @property
    def is_forked(self) -> bool:
        """Whether this is a fork of the process that the thread runs in."""
        return os.getpid() != self._process

    def refuse(self, call: str, instead: str) -> None:
        """Raise if the current thread or process must not wait for the loop.

        Raises:
            BlockingCallError: Actors run on this thread, or it is the loop's own.
            ForkedError: The thread was not copied when the process forked.
        """
        if self.is_forked:
            raise ForkedError(call, self._process)
        if threading.current_thread() is self._thread:
            raise BlockingCallError(call, instead)
        refuse_to_block(call, instead=instead)

    def submit(self, work: Work) -> None:
        """Have something begin on the loop, in the context of the caller.

        Work of one thread begins in the order in which it was submitted.

        Raises:
            RuntimeStoppedError: The loop is closed.
        """
        with self._lock:
            if self._loop is None:
                raise RuntimeStoppedError
            self._work.add(work)
            self._loop.call_soon_threadsafe(work.begin)

    def cancel(self, work: Work, reason: Exception) -> None:
        """Have submitted work end with this error, unless it has ended."""
        self._post(lambda: work.cancel(reason))

    def post(self, function: Callable[[], object]) -> None:
        """Have a function called on the loop; after its end nothing happens."""
        self._post(function)

    def ended(self, work: Work) -> None:
        """Forget work that has its outcome."""
        with self._lock:
            self._work.discard(work)

    def _post(self, function: Callable[[], object]) -> None:
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._opened.set()  # nobody waits for a loop that could not be made

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._closing = loop.create_future()
        self._loop = loop
        self._opened.set()
        await self._closing

    def _close(self) -> None:
        with self._lock:
            self._loop = None  # from here on nothing can be submitted
            left = list(self._work)
        for work in left:
            work.cancel(RuntimeStoppedError())
        assert self._closing is not None  # noqa: S101  # it is set before the loop
        self._closing.set_result(None)
