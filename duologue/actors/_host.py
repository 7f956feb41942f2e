"""The host: one callback of an event loop gives turns to any number of actors.

An idle actor has no task here and no timer. A message puts its mailbox on the ready
queue and arms one callback for the next tick of the loop, however many messages come
in the meantime. The callback gives each ready actor a batch and ends after a quantum,
so neither a busy actor nor a slow handler keeps the others or the loop waiting.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter

from pykka import Actor, ActorRegistry

from duologue.actors._blocking import enter_host_thread, leave_host_thread
from duologue.actors._mailbox import CLOSED, RUNNING, STARTING, STOPPED, Mailbox
from duologue.actors._pykka import Work
from duologue.actors._ref import AsyncActorRef
from duologue.actors._registry import install_ref_index
from duologue.actors._turn import open_actor, receive
from duologue.errors import SystemClosedError

BATCH = 32
QUANTUM = 0.0005

if sys.version_info >= (3, 12):

    def _start_task(
        work: Work, loop: asyncio.AbstractEventLoop, context: contextvars.Context
    ) -> asyncio.Task[object]:
        return asyncio.Task(work, loop=loop, context=context, eager_start=True)

else:

    def _start_task(
        work: Work, loop: asyncio.AbstractEventLoop, context: contextvars.Context
    ) -> asyncio.Task[object]:
        return asyncio.Task(work, loop=loop, context=context)


class Host:
    """Runs actors on the loop and the thread that made it.

    Attributes:
        loop: The loop.
        context: Every turn starts in a copy of it, so context variables leak
            neither from senders nor from one message to the next.
    """

    def __init__(self) -> None:
        install_ref_index()
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.context: contextvars.Context = contextvars.copy_context()
        self.is_closed: bool = False
        self._thread = threading.get_ident()
        self._ready: deque[Mailbox] = deque()
        self._posted: deque[Callable[[], object]] = deque()
        self._armed = False
        self._lock = threading.Lock()
        self._tasks: dict[Mailbox, asyncio.Task[object]] = {}
        self._starting: Mailbox | None = None
        self._deadline = 0.0
        self._idle_waiters: list[asyncio.Future[None]] = []
        enter_host_thread()

    def attach(self, mailbox: Mailbox, *, at_once: bool) -> None:
        """Give an actor turns from now on; callable from any thread.

        Raises:
            SystemClosedError: If this host has closed.
        """
        if self.is_closed:
            raise SystemClosedError(type(mailbox.actor).__name__)
        mailbox.attach(self, at_once=at_once)

    def schedule(self, mailbox: Mailbox) -> None:
        """Give a mailbox a turn soon; callable from any thread."""
        self._ready.append(mailbox)
        if not self._armed:
            self._arm()

    def post(self, callback: Callable[[], object]) -> None:
        """Call something on the loop, before the next turns; from any thread."""
        self._posted.append(callback)
        if not self._armed:
            self._arm()

    async def stop_all(self) -> None:
        """Stop every actor, the last that was started first, one after the other.

        Those that actors start meanwhile are stopped as well; those that have a
        keeper are left to it.
        """
        while refs := [r for r in self._refs() if r.actor_inbox.keeper is None]:
            for stopped, ref in enumerate(reversed(refs)):
                gone = ref.stop(block=False)
                if not ref.actor_inbox.suspended:
                    # An idle actor stops at once, without a trip through the loop.
                    self._deadline = perf_counter() + QUANTUM
                    self._take_turn(ref.actor_inbox)
                if stopped % BATCH == 0:
                    await asyncio.sleep(0)
                await gone

    def is_idle(self) -> bool:
        """Whether no actor has anything left to do."""
        return not (self._ready or self._posted or self._tasks)

    async def settled(self) -> None:
        """Return when no actor has anything left to do. Not for actors."""
        while True:
            # Those who got an answer in the last turns go first: they may tell.
            await asyncio.sleep(0)
            if self.is_idle():
                return
            waiter = self.loop.create_future()
            self._idle_waiters.append(waiter)
            await waiter

    async def close(self, *, grace: float) -> list[str]:
        """Cancel whatever still runs, and run nothing any more.

        Args:
            grace: Seconds to let cancelled coroutines clean up.

        Returns:
            The names of the actors that had to be cut off.
        """
        busy = dict(self._tasks)
        cut_off = [str(mailbox.actor) for mailbox in busy]
        for mailbox, task in busy.items():
            mailbox.set()
            task.cancel()
        if busy:
            await asyncio.wait(busy.values(), timeout=grace)
        self.is_closed = True
        self._posted.clear()
        for ref in self._refs():
            ActorRegistry.unregister(ref)
            self._ready.append(ref.actor_inbox)
        for mailbox in {*self._ready, *busy}:
            mailbox.close()
        self._ready.clear()
        leave_host_thread()
        return cut_off

    def _refs(self) -> list[AsyncActorRef[Actor]]:
        """The live actors of this host, in the order of their start."""
        return [
            ref
            for ref in ActorRegistry.get_all()
            if isinstance(ref, AsyncActorRef) and ref.actor_inbox.host is self
        ]

    def _arm(self) -> None:
        with self._lock:
            if self._armed:
                return
            self._armed = True
        if threading.get_ident() == self._thread:
            self.loop.call_soon(self._run, context=self.context)
        else:
            self.loop.call_soon_threadsafe(self._run, context=self.context)

    def _run(self) -> None:
        self._deadline = perf_counter() + QUANTUM
        try:
            has_time = True
            while has_time and self._posted:
                self._posted.popleft()()
                has_time = perf_counter() < self._deadline
            while has_time and self._ready:
                has_time = self._take_turn(self._ready.popleft())
        finally:
            self._armed = False
            if self._ready or self._posted:
                self._arm()
            elif self._idle_waiters:
                self._tell_if_idle()

    def _take_turn(self, mailbox: Mailbox) -> bool:
        """Handle a batch of messages; say whether the quantum has time left."""
        # Two threads may have scheduled the same mailbox.
        if mailbox.suspended or mailbox.phase == CLOSED:
            return True
        if mailbox.phase == STARTING:
            mailbox.phase = RUNNING
            if not self._open(mailbox):
                return True
        has_time = True
        for _ in range(BATCH):
            if mailbox.phase >= STOPPED:
                mailbox.close()
                return has_time
            if mailbox.empty():
                mailbox.rest()
                return has_time
            if not self._handle_next(mailbox):
                return has_time
            has_time = perf_counter() < self._deadline
            if not has_time:
                break
        self._ready.append(mailbox)
        return has_time

    def _open(self, mailbox: Mailbox) -> bool:
        context = self.context.copy()
        work = context.run(open_actor, mailbox)
        return work is None or self._see_through(mailbox, work, context)

    def _handle_next(self, mailbox: Mailbox) -> bool:
        """Handle one message; False means that a coroutine of it is suspended."""
        context = self.context.copy()
        work = context.run(receive, mailbox)
        return work is None or self._see_through(mailbox, work, context)

    def _see_through(
        self, mailbox: Mailbox, work: Work, context: contextvars.Context
    ) -> bool:
        mailbox.suspended = True
        self._starting = mailbox
        task = _start_task(self._finish(mailbox, work), self.loop, context)
        self._starting = None
        if mailbox.suspended:
            self._tasks[mailbox] = task
            return False
        return True

    async def _finish(self, mailbox: Mailbox, work: Work) -> None:
        try:
            await work
        finally:
            mailbox.suspended = False
            if self._starting is not mailbox:
                self._resume(mailbox)

    def _resume(self, mailbox: Mailbox) -> None:
        """Go on with the mailbox of a coroutine that had been suspended."""
        self._tasks.pop(mailbox, None)
        if mailbox.phase >= STOPPED:
            mailbox.close()
        elif mailbox.empty():
            mailbox.rest()
        else:
            self.schedule(mailbox)
        if self._idle_waiters:
            self._tell_if_idle()

    def _tell_if_idle(self) -> None:
        if not self.is_idle():
            return
        waiters, self._idle_waiters = self._idle_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
