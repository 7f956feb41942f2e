"""The host: the turns of a loop, and the actors that live there until it ends.

It ends in one of two ways: by its system, which lets it close, or by its loop, which
somebody closes under it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

from pykka import Actor, ActorRegistry

from duologue.actors._futures._blocking import enter_host_thread
from duologue.actors._hosts._closed_loop import end_without_loop, when_closed
from duologue.actors._hosts._turns import Turns
from duologue.actors._hosts._unfinished import Unfinished, unfinished
from duologue.actors._mailbox._dead_letters import NOBODYS, DeadLetters
from duologue.actors._mailbox._mailbox import CLOSED, Mailbox
from duologue.actors._pykka._registry import AnyRef, install_ref_index
from duologue.actors._pykka._stop_reason import SystemClosed
from duologue.actors._ref import AsyncActorRef
from duologue.actors._time._clock import Clock, LoopClock
from duologue.actors._time._restart_delays import RestartDelays
from duologue.errors import SystemClosedError

TurnTasks: TypeAlias = dict[Mailbox, asyncio.Task[object]]


class Host(Turns):
    """The actors on one loop and one thread: those that made it.

    Attributes:
        clock: Time for timers and for restart_delays.
        restart_delays: Those of actors that are going to begin anew.
        dead_letters: Where messages go that nobody handles.
        is_lost: Whether its loop was closed under it.
        when_lost: Is called when that happens, by the thread that closes the loop.
    """

    is_closed: bool

    def __init__(self) -> None:
        install_ref_index()
        super().__init__()
        self.is_lost: bool = False
        self.when_lost: Callable[[Host], object] | None = None
        self.clock: Clock = LoopClock(self.loop)
        self.restart_delays: RestartDelays = RestartDelays()
        self.dead_letters: DeadLetters = NOBODYS
        self._leave = enter_host_thread()
        self._forget_loop = when_closed(self.loop, self.lose)

    def attach(self, mailbox: Mailbox, *, at_once: bool) -> None:
        """Give an actor turns from now on; callable from any thread.

        Raises:
            SystemClosedError: If this host has closed.
        """
        if not self.is_closed:
            mailbox.attach(self, at_once=at_once)
        if self.is_closed:  # perhaps in the same moment
            raise SystemClosedError(mailbox.name)

    def cut_off(self, ref: AnyRef) -> None:
        """End an actor of this host in the middle of whatever it does; on the loop."""
        mailbox = cast("Mailbox", ref.actor_inbox)
        ActorRegistry.unregister(ref)
        if mailbox.phase == CLOSED:
            return
        mailbox.set()
        task = self._tasks.get(mailbox)
        if task is not None:
            # A coroutine that has not begun could not clean up: let it begin.
            self.loop.call_soon(task.cancel)
        elif mailbox.suspended:
            self.loop.call_soon(self.cut_off, ref)
        else:
            mailbox.close()

    def unfinished(self) -> list[Unfinished]:
        """The actors that have not stopped; callable from any thread."""
        queued = set(self._ready)
        live = [ref.actor_inbox for ref in self.refs()]
        return [
            unfinished(box, was_running=box.scheduled and box not in queued)
            for box in dict.fromkeys([*live, *self._tasks])
        ]

    async def close(self, *, grace: float) -> list[Unfinished]:
        """Cancel what runs, give it `grace` seconds, and run nothing any more.

        Returns:
            The actors that had not stopped.
        """
        if self.is_closed:
            return []
        left = self.unfinished()
        until = self.loop.time() + grace
        busy = dict(self._tasks)
        try:
            await self._cancel(busy, until)
        finally:
            begun_since = self._end(busy)
        await self._cancel(begun_since, until)
        return left

    def lose(self) -> None:
        """End without the loop, which is closed; callable from any thread."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = self.is_lost = True
        self._vacate()
        if self.when_lost is not None:
            self.when_lost(self)
        tasks = dict(self._tasks)
        end_without_loop(self._take_all(tasks), tasks)

    def refs(self) -> list[AsyncActorRef[Actor]]:
        """The live actors of this host, in the order of their start."""
        return [
            ref
            for ref in ActorRegistry.get_all()
            if isinstance(ref, AsyncActorRef) and ref.actor_inbox.host is self
        ]

    async def _cancel(self, tasks: TurnTasks, until: float) -> None:
        for mailbox, task in tasks.items():
            mailbox.stop(SystemClosed())
            # A coroutine that has not begun could not answer: let it begin.
            self.loop.call_soon(task.cancel)
        if tasks:
            await asyncio.wait(tasks.values(), timeout=until - self.loop.time())

    def _end(self, busy: TurnTasks) -> TurnTasks:
        """Give no turns any more; the coroutines that are not among the busy ones."""
        begun_since = {
            mailbox: task
            for mailbox, task in self._tasks.items()
            if mailbox not in busy
        }
        self.is_closed = True
        self._vacate()
        mailboxes = self._take_all({**busy, **self._tasks})
        # All of them first: what waits in one may take time, and others send meanwhile.
        for mailbox in mailboxes:
            mailbox.stop(SystemClosed())
        for mailbox in mailboxes:
            mailbox.close()
        return begun_since

    def _vacate(self) -> None:
        """Leave the thread and the loop to others."""
        self._leave()
        self._forget_loop()
        self._posted.clear()
        waiters, self._idle_waiters = self._idle_waiters, []
        for tell in waiters:
            tell()

    def _take_all(self, busy: Iterable[Mailbox]) -> list[Mailbox]:
        """Take every actor out of the registry and the queue of this host."""
        mailboxes = dict.fromkeys([*self._ready, *busy])
        self._ready.clear()
        for ref in self.refs():
            ActorRegistry.unregister(ref)
            mailboxes[ref.actor_inbox] = None
        return list(mailboxes)
