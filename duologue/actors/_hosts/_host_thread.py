"""A host on a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from duologue.actors._hosts._host import Host
from duologue.actors._hosts._unfinished import Unfinished
from duologue.errors import HostEndedError

# Seconds for coroutines to clean up after they have been cancelled.
GRACE = 1.0
# Seconds for a loop to close when its actors have ended.
LAST_WORDS = 1.0

logger = logging.getLogger("duologue.actors")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class HostThread:
    """Runs a host until it is told to close.

    The thread is a daemon: a program that ends does not wait for it.

    Attributes:
        opened: The host, as soon as it is there.
        ended: The actors that had not stopped, when the thread is about to end; or
            `HostEndedError`.
    """

    def __init__(
        self,
        name: str,
        open_host: Callable[[], Host],
        *,
        loop_factory: LoopFactory = asyncio.new_event_loop,
    ) -> None:
        self.opened: Future[Host] = Future()
        self.ended: Future[list[Unfinished]] = Future()
        for future in (self.opened, self.ended):
            # A wait that gives up must not take it from the thread.
            future.set_running_or_notify_cancel()
        self._closing = asyncio.Event()
        self._open_host = open_host
        self._loop_factory = loop_factory
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        """Begin; `opened` says when it is ready."""
        self._thread.start()

    async def close(self) -> list[Unfinished]:
        """Cancel what still runs, close the loop and wait for the thread.

        A thread that something blocks is left behind after two seconds.

        Returns:
            The actors that had not stopped.

        Raises:
            HostEndedError: If something has ended the loop before.
        """
        self.end()
        try:
            async with asyncio.timeout(GRACE + LAST_WORDS):
                left = await asyncio.wrap_future(self.ended)
        except TimeoutError:
            name = self._thread.name
            logger.error("the thread %s is blocked and left behind", name)  # noqa: TRY400 - where this waited says nothing
            self.opened.result().lose()
            return []
        except HostEndedError:
            self._thread.join()
            raise
        # It has nothing left to do but to end.
        self._thread.join()
        return left

    def end(self) -> None:
        """Let it close, now or as soon as it is ready."""
        self.opened.add_done_callback(self._tell_to_close)

    def _tell_to_close(self, opened: Future[Host]) -> None:
        if opened.exception() is None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                opened.result().loop.call_soon_threadsafe(self._closing.set)

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                left = runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whoever closes it gets it
            self._failed(error)
        else:
            self.ended.set_result(left)

    async def _serve(self) -> list[Unfinished]:
        host = self._open_host()
        self.opened.set_result(host)
        await self._closing.wait()
        return await host.close(grace=GRACE)

    def _failed(self, cause: BaseException) -> None:
        error = HostEndedError(self._thread.name, repr(cause))
        error.__cause__ = cause
        logger.critical("%s", error, exc_info=cause)
        if not self.opened.done():
            self.opened.set_exception(error)
        self.ended.set_exception(error)


def loop_factory_like(loop: asyncio.AbstractEventLoop) -> LoopFactory:
    """What makes loops of the same kind for other threads.

    Loops of asyncio itself, virtual ones among them, give ordinary loops; others,
    such as that of uvloop, their own kind.
    """
    if isinstance(loop, asyncio.BaseEventLoop):
        return asyncio.new_event_loop
    return type(loop)
