"""An event loop on a thread of its own, and the one door through which others reach it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from duologue.actors._futures._blocking import refuse_to_block
from duologue.errors import BlockingCallError, ForkedError, RuntimeStoppedError

_logger = logging.getLogger("duologue.threads")


class LoopWork(Protocol):
    """Something that runs on the loop while a thread waits for its outcome."""

    def begin(self) -> None:
        """Begin; called on the loop."""

    def cancel(self, reason: Exception) -> None:
        """Let it end soon with this error; called on the loop."""

    def fail(self, reason: Exception) -> None:
        """Let it end now with this error, unless it has ended; the loop is closed."""


class LoopThread:
    """Runs an event loop on another thread for as long as a `with` block.

    The thread is a daemon: a program that ends inside the block does not wait for it.
    There is no lock: a signal handler may call while its thread is in the middle of a
    call, and with the lock in the interrupted one the loop could not answer either.
    The loop has `last_words` seconds to close when all its work has ended.
    """

    def __init__(self, name: str, *, last_words: float = 5.0) -> None:
        self._last_words = last_words
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Future[None] | None = None
        self._work: set[LoopWork] = set()
        self._opened = threading.Event()
        self._error: BaseException | None = None
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._opened.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel what still runs, close the loop and wait for the thread.

        Raises:
            BaseException: What ended the loop before, `SystemExit` for instance.
        """
        if self.is_forked:
            return
        self.post(self._close)
        if threading.current_thread() is self._thread:
            return  # the collector closes a forgotten generator there
        self._thread.join(self._last_words)
        if self._thread.is_alive():
            _logger.warning(
                "the thread %s did not end within %g s and is left behind; something "
                "blocks its loop or a thread of its pool",
                self._thread.name,
                self._last_words,
            )
        elif self._error is not None:
            raise self._error

    @property
    def has_ended(self) -> bool:
        """Whether nothing runs on it any more, so that all is at rest."""
        began = self._opened.is_set() and not self.is_forked
        return began and not self._thread.is_alive()

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

    def submit(self, work: LoopWork) -> None:
        """Have something begin on the loop, in the context of the caller.

        Work of one thread begins in the order in which it was submitted.

        Raises:
            RuntimeStoppedError: The loop is closed.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeStoppedError
        self._work.add(work)
        try:
            loop.call_soon_threadsafe(work.begin)
        except RuntimeError:  # it has been closed meanwhile
            self._work.discard(work)
            raise RuntimeStoppedError from None

    def cancel(self, work: LoopWork, reason: Exception) -> None:
        """Have submitted work end with this error, unless it has ended."""
        self.post(lambda: work.cancel(reason))

    def post(self, function: Callable[[], object]) -> None:
        """Have a function called on the loop; after its end nothing happens."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it has been closed meanwhile
                loop.call_soon_threadsafe(function)

    def ended(self, work: LoopWork) -> None:
        """Forget work that has its outcome."""
        self._work.discard(work)

    def _main(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  # the `with` block raises it
            self._error = error
        for work in tuple(self._work):
            work.fail(RuntimeStoppedError())
        self._opened.set()  # nobody waits for a loop that could not be made

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._serve())
            finally:
                self._stop()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._closing = loop.create_future()
        self._loop = loop
        self._opened.set()
        await self._closing

    def _close(self) -> None:
        assert self._closing is not None  # noqa: S101  # it is set before the loop
        if not self._closing.done():
            self._closing.set_result(None)

    def _stop(self) -> None:
        self._loop = None  # from here on nothing can be submitted
        for work in tuple(self._work):
            work.cancel(RuntimeStoppedError())
