"""Turns: one callback of an event loop gives them to any number of actors.

An idle actor has no task here and no timer. From a message to its handler:

1. The mailbox asks for a turn: it goes to the end of the ready queue, which arms one
   callback for the next tick of the loop, however many messages come in the meantime.
2. The callback calls first what was posted, then gives each ready actor a batch of
   messages, and ends after a quantum: neither a busy actor nor a slow handler keeps the
   others or the loop waiting.
3. A handler that is a coroutine becomes a task. Until that ends its mailbox is
   `suspended`, and whoever schedules it meanwhile has scheduled a turn that does nothing.
4. After its batch an actor goes to the end of the ready queue, rests, or is closed.

Guaranteed: an actor is in one turn at a time, in the thread of its loop, and a mailbox
that has messages is ready, running or suspended. `schedule` and `post` may be called from
any thread; they append first and look at `_armed` afterwards, while the callback clears
`_armed` first and looks at the queues afterwards. Everything else belongs to the loop.
Assumed: a handler returns soon, or awaits.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from pykka import Actor, ActorRegistry

from duologue.actors._hosts._turn import open_actor, receive
from duologue.actors._mailbox._mailbox import (
    CLOSED,
    RUNNING,
    STARTING,
    STOPPED,
    Mailbox,
    Messages,
)
from duologue.actors._pykka._pykka import Work
from duologue.actors._pykka._stop_reason import Failed
from duologue.actors._time._clock import turn_time
from duologue.errors import SystemClosedError

BATCH = 32
QUANTUM = 0.0005

logger = logging.getLogger("duologue.actors")

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


class Turns(ABC):
    """The turns of the actors on one loop and in one thread: those that made it.

    Attributes:
        loop: The loop.
        context: Turns run in a copy of it, and in another one as soon as somebody has
            set a variable: nothing leaks from senders or from earlier messages.
        is_closed: Whether it gives no turns any more.
        runs: How often the callback has run.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.context: contextvars.Context = contextvars.copy_context()
        self.is_closed: bool = False
        self.runs: int = 0
        self._thread = threading.get_ident()
        self._ready: deque[Mailbox] = deque()
        self._posted: deque[Callable[[], object]] = deque()
        self._armed = False
        self._lock = threading.RLock()
        self._tasks: dict[Mailbox, asyncio.Task[object]] = {}
        self._starting: Mailbox | None = None
        self._now = turn_time(self.loop)
        self._deadline = 0.0
        # Whether the context of the turns is still like that of the host.
        self._is_fresh = True
        self._idle_waiters: list[Callable[[], object]] = []

    @abstractmethod
    def lose(self) -> None:
        """End without the loop, which is closed; callable from any thread."""

    def schedule(self, mailbox: Mailbox) -> None:
        """Give a mailbox a turn soon; callable from any thread.

        Raises:
            SystemClosedError: If the loop has been closed under its actors.
        """
        self._ready.append(mailbox)
        if not self._armed and not self._arm() and not self.is_closed:
            name = mailbox.name
            self.lose()
            raise SystemClosedError(name)

    def post(self, callback: Callable[[], object]) -> None:
        """Call something on the loop, before the next turns; from any thread."""
        self._posted.append(callback)
        if not self._armed and not self._arm():
            self.lose()

    def turn_at_once(self, mailbox: Mailbox) -> None:
        """Give an actor a turn without a trip through the loop; on the loop."""
        if mailbox.suspended:
            return
        self._deadline = self._now() + QUANTUM
        self._give_turn(mailbox)

    def is_here(self) -> bool:
        """Whether this is the thread of the loop."""
        return threading.get_ident() == self._thread

    def is_in_turn(self, mailbox: Mailbox) -> bool:
        """Whether the caller is the coroutine that handles a message of an actor."""
        if not self.is_here():
            return False
        if self._starting is mailbox:
            return True
        task = self._tasks.get(mailbox)
        return task is not None and asyncio.current_task(self.loop) is task

    def is_idle(self) -> bool:
        """Whether no actor has anything left to do; on the loop."""
        return not (self._ready or self._posted or self._tasks)

    def is_resting(self) -> bool:
        """Whether no actor has anything left to do; from any thread.

        If this holds twice, and `runs` is the same before both, it held in between.
        """
        return not self._armed and self.is_idle()

    def when_idle(self, callback: Callable[[], object]) -> None:
        """Have something called on the loop when no actor has anything left to do.

        Callable from any thread; a host that has nothing to do looks only when it runs.
        """
        self._idle_waiters.append(callback)

    def _arm(self) -> bool:
        """Have the callback called in the next tick; False if the loop has been closed."""
        try:
            with self._lock:
                if self._armed:
                    return True
                self._armed = True
            if threading.get_ident() == self._thread:
                self.loop.call_soon(self._run, context=self.context)
            else:
                self.loop.call_soon_threadsafe(self._run, context=self.context)
        except BaseException as error:
            # It may be Ctrl-C. One run too many does no harm.
            self._armed = False
            if isinstance(error, RuntimeError) and self.loop.is_closed():
                return False
            raise
        return True

    def _run(self) -> None:
        self.runs += 1
        self._deadline = self._now() + QUANTUM
        try:
            has_time = True
            while has_time and self._posted:
                self._call_safely(self._posted.popleft())
                has_time = self._now() < self._deadline
            if not has_time and self._ready:
                # However much is posted, the actors go on too.
                self._give_turn(self._ready.popleft())
            while has_time and self._ready:
                has_time = self._give_turns()
        finally:
            self._armed = False
            if self._ready or self._posted:
                self._arm()
            elif self._idle_waiters:
                self._tell_if_idle()

    def _call_safely(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception:
            logger.exception("a host of actors failed to do something; it goes on")

    def _give_turns(self) -> bool:
        """Give turns to those who are ready; say whether the quantum has time left."""
        context = self.context.copy()
        rest = context.run(self._take_turns, context)
        if rest is not None:
            self._see_through(*rest, context)
        return self._now() < self._deadline

    def _give_turn(self, mailbox: Mailbox) -> bool:
        """Give one actor a turn; say whether the quantum has time left."""
        context = self.context.copy()
        rest = context.run(self._take_turn, mailbox, context)
        if rest is not None:
            self._see_through(mailbox, rest, context)
        return self._now() < self._deadline

    def _take_turns(self, context: contextvars.Context) -> tuple[Mailbox, Work] | None:
        """Take turns until the time is up or somebody has changed the context.

        To enter a context costs as much as to handle a message, so they share one.

        Returns:
            An actor with the coroutine that its turn goes on with, if there is one.
        """
        ready, now, deadline = self._ready, self._now, self._deadline
        self._is_fresh = True
        while ready:
            mailbox = ready.popleft()
            rest = self._take_turn(mailbox, context)
            if rest is not None:
                return mailbox, rest
            if not self._is_fresh or now() >= deadline:
                break
        return None

    def _take_turn(self, mailbox: Mailbox, context: contextvars.Context) -> Work | None:
        """Handle a batch of messages; if that itself fails, so does the actor.

        Returns:
            The coroutine that the turn goes on with, if there is one.
        """
        # Two threads may have scheduled the same mailbox.
        if mailbox.suspended or mailbox.phase == CLOSED:
            return None
        try:
            actor, messages = mailbox.actor, mailbox.queue
            if mailbox.phase == RUNNING and actor is not None and messages is not None:
                return self._take_batch(mailbox, actor, messages, context)
            rest = self._begin(mailbox)
            if rest is None:
                self._go_on(mailbox)
        except Exception as error:  # noqa: BLE001 - it is the failure of this actor
            self._fail(mailbox, error)
            return None
        return rest

    def _take_batch(
        self,
        mailbox: Mailbox,
        actor: Actor,
        messages: Messages,
        context: contextvars.Context,
    ) -> Work | None:
        # Every message comes through here, so this makes no call that it could spare.
        now = self._now
        for _ in range(BATCH):
            if messages.empty():
                mailbox.scheduled = False
                # In this order: whoever has seen the flag has added a message.
                if not messages.empty():
                    mailbox.wake()
                return None
            rest = receive(actor, messages.get_nowait())
            if rest is not None:
                return rest
            try:
                # Equal at once, unless somebody has set a variable.
                self._is_fresh = context == self.context
            except Exception:  # noqa: BLE001 - the values are the user's
                self._is_fresh = False
            if (
                not self._is_fresh
                or now() >= self._deadline
                or mailbox.phase != RUNNING
            ):
                break
        self._go_on(mailbox)
        return None

    def _fail(self, mailbox: Mailbox, error: Exception) -> None:
        name = type(mailbox.actor).__name__
        logger.error("%s broke its host's rules and is stopped", name, exc_info=error)
        mailbox.stop(Failed(error))
        mailbox.suspended = False
        if isinstance(mailbox.actor, Actor):
            ActorRegistry.unregister(mailbox.actor.actor_ref)
        self._call_safely(mailbox.close)

    def _begin(self, mailbox: Mailbox) -> Work | None:
        """Run the first hooks of an actor, unless that has happened."""
        if mailbox.advance(STARTING, RUNNING):
            self._is_fresh = False
            return open_actor(mailbox)
        return None

    def _see_through(
        self, mailbox: Mailbox, work: Work, context: contextvars.Context
    ) -> None:
        """Let a coroutine finish a turn; its actor does nothing else until then."""
        mailbox.suspended = True
        before, self._starting = self._starting, mailbox
        try:
            task = _start_task(self._finish(mailbox, work), self.loop, context)
        finally:
            self._starting = before
        if mailbox.suspended:
            self._tasks[mailbox] = task
        else:
            self._go_on(mailbox)

    async def _finish(self, mailbox: Mailbox, work: Work) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - it is the failure of this actor
            self._fail(mailbox, error)
        finally:
            mailbox.suspended = False
            if self._starting is not mailbox:
                self._go_on(mailbox)
                # Last, lest the host looks idle in between.
                self._tasks.pop(mailbox, None)
                if self._idle_waiters:
                    self._tell_if_idle()

    def _go_on(self, mailbox: Mailbox) -> None:
        """See to the next turn of an actor, or to its end."""
        if mailbox.phase >= STOPPED:
            self._call_safely(mailbox.close)
        elif mailbox.empty() and mailbox.phase == RUNNING:
            mailbox.rest()
        else:
            self.schedule(mailbox)

    def _tell_if_idle(self) -> None:
        if not self.is_idle():
            return
        waiters, self._idle_waiters = self._idle_waiters, []
        for tell in waiters:
            tell()
