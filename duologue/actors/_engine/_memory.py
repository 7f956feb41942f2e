"""The engine that keeps everything in the memory of this process.

Leasing costs nothing here: mail for a key that nobody handles leases it and calls `ready`
at once, in the step that brought the mail. A key stands in the queue of those that are
ready only while nobody serves its kind or all slots are taken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from itertools import count, islice

from duologue.actors._engine._engine import FailedMail, Letter, Mail, Opened
from duologue.errors import (
    EngineClosedError,
    FencedError,
    MailboxFullError,
    SnapshotTooLargeError,
)


class _Service:
    """Somebody who handles the mail of some kinds of keys."""

    __slots__ = ("free", "ready", "waiting")

    def __init__(self, slots: int, ready: Callable[[str], None]) -> None:
        self.free: int = slots
        self.ready: Callable[[str], None] = ready
        # Keys that have mail and wait for a slot.
        self.waiting: deque[str] = deque()


def _tell_nobody(key: str) -> None:
    """Is never called: a service without slots leases nothing."""


class _Box:
    """The mail of one key; exists while there is mail or a waiter.

    A key that is leased has mail until the turn ends that took it out.
    """

    __slots__ = ("attempt", "lessee", "mail", "token", "waiters")

    def __init__(self) -> None:
        self.mail: deque[Mail] = deque()
        self.waiters: deque[asyncio.Future[None]] = deque()
        self.lessee: _Service | None = None
        self.token: str | None = None
        self.attempt = 0

    def pop(self) -> None:
        """Take out the message that has been handled."""
        self.mail.popleft()
        self.attempt = 0

    def admit(self, capacity: int) -> None:
        """Let in as many waiting senders as there is room for."""
        room = capacity - len(self.mail)
        # Those who were let in already have a claim on a place each.
        for waiter in islice(self.waiters, max(room, 0)):
            if not waiter.done():
                waiter.set_result(None)


class MemoryEngine:
    """Mailboxes and snapshots in memory; they end with the process.

    Snapshots and mail are bytes here too, so two turns never share an object and
    what cannot be serialised shows on the first run.

    Args:
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are remembered.
    """

    def __init__(
        self,
        *,
        capacity: int = 1000,
        max_snapshot: int = 1_048_576,
        max_dead_letters: int = 1000,
    ) -> None:
        self._capacity = capacity
        self._max_snapshot = max_snapshot
        self._snapshots: dict[str, bytes] = {}
        self._boxes: dict[str, _Box] = {}
        self._services: dict[str, _Service] = {}
        # Has no slot, so what nobody serves waits there.
        self._nobody = _Service(0, _tell_nobody)
        self._dead: deque[FailedMail] = deque(maxlen=max_dead_letters)
        self._tokens = count(1)
        self._closed = False

    @property
    def durable(self) -> bool:
        """False: mail ends with the process."""
        return False

    async def enqueue(self, letter: Letter) -> None:
        """Put mail at the end of a mailbox; wait while it is full.

        Raises:
            EngineClosedError: The engine takes nothing any more.
        """
        box = self._box(letter.key)
        # Whoever comes while others wait stands behind them.
        if len(box.mail) >= self._capacity or box.waiters:
            await self._wait_for_room(letter.key, box)
        elif self._closed:
            self._drop_if_idle(letter.key, box)
            raise EngineClosedError(letter.key)
        self._put(letter.key, box, letter.mail)

    def serve(
        self, kinds: Collection[str], slots: int, ready: Callable[[str], None]
    ) -> None:
        """Lease keys that have mail to whoever calls this, from now on."""
        service = _Service(slots, ready)
        services = self._services
        before = dict.fromkeys(services.get(kind, self._nobody) for kind in kinds)
        services.update(dict.fromkeys(kinds, service))
        for former in before:
            waiting, former.waiting = former.waiting, deque()
            for key in waiting:
                self._service(key).waiting.append(key)
        self._hand_out(service)

    async def open(self, key: str) -> Opened | None:
        """Begin a turn; None if the key is not leased."""
        return self._open(key)

    async def commit(
        self,
        opened: Opened,
        *,
        snapshot: bytes | None,
        outbox: Sequence[Letter] = (),
        keep: bool = False,
    ) -> Opened | None:
        """End a turn: write everything that it changed, or nothing.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            MailboxFullError: A mailbox has no room for the outbox.
            SnapshotTooLargeError: The snapshot is over the engine's limit.
        """
        box = self._owned(opened)
        if snapshot is not None and len(snapshot) > self._max_snapshot:
            raise SnapshotTooLargeError(opened.key, len(snapshot), self._max_snapshot)
        if outbox:
            self._check_room(opened.key, outbox)
        if snapshot is not None:
            self._snapshots[opened.key] = snapshot
        box.pop()
        for letter in outbox:
            self._put(letter.key, self._box(letter.key), letter.mail)
        if box.waiters:
            box.admit(self._capacity)
        if keep and box.mail:
            return self._open(opened.key)
        self._release(opened.key, box)
        return None

    async def fail(self, opened: Opened, *, error: str, retry: bool) -> None:
        """End a turn without a trace in the state.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        box = self._owned(opened)
        if not retry:
            box.pop()
            box.admit(self._capacity)
            self._dead.append(FailedMail(opened.key, opened.mail, error))
        self._release(opened.key, box)

    async def read(self, key: str) -> bytes | None:
        """Return the snapshot of a key as the last commit wrote it."""
        return self._snapshots.get(key)

    def waiting(self) -> int:
        """How many messages are in the mailboxes, being handled or not; any thread."""
        return sum(len(box.mail) for box in list(self._boxes.values()))

    def dead_letters(self) -> Sequence[FailedMail]:
        """The newest dead letters, oldest first."""
        return tuple(self._dead)

    def close(self) -> None:
        """Take no more mail; those who wait get an `EngineClosedError`."""
        self._closed = True
        for key, box in self._boxes.items():
            for waiter in box.waiters:
                if not waiter.done():
                    waiter.set_exception(EngineClosedError(key))

    def _box(self, key: str) -> _Box:
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = _Box()
        return box

    async def _wait_for_room(self, key: str, box: _Box) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        box.waiters.append(waiter)
        if self._closed:
            waiter.set_exception(EngineClosedError(key))
        try:
            await waiter
        except (asyncio.CancelledError, EngineClosedError):
            self._leave(key, box, waiter)
            raise
        box.waiters.remove(waiter)

    def _leave(self, key: str, box: _Box, waiter: asyncio.Future[None]) -> None:
        box.waiters.remove(waiter)
        # Its place, or the one it would have had, is the next one's.
        box.admit(self._capacity)
        self._drop_if_idle(key, box)

    def _put(self, key: str, box: _Box, mail: Mail) -> None:
        box.mail.append(mail)
        if box.lessee is None and len(box.mail) == 1:
            self._make_ready(key)

    def _service(self, key: str) -> _Service:
        return self._services.get(key.partition("/")[0], self._nobody)

    def _make_ready(self, key: str) -> None:
        service = self._service(key)
        if service.free > 0:
            self._lease(key, service)
        else:
            service.waiting.append(key)

    def _lease(self, key: str, service: _Service) -> None:
        service.free -= 1
        self._boxes[key].lessee = service
        service.ready(key)

    def _hand_out(self, service: _Service) -> None:
        """Lease what has been waiting for a slot."""
        while service.waiting and service.free > 0:
            self._lease(service.waiting.popleft(), service)

    def _open(self, key: str) -> Opened | None:
        box = self._boxes.get(key)
        if box is None or box.lessee is None:
            return None
        box.token = str(next(self._tokens))
        box.attempt += 1
        return Opened(
            key, box.token, self._snapshots.get(key), box.mail[0], box.attempt
        )

    def _owned(self, opened: Opened) -> _Box:
        box = self._boxes.get(opened.key)
        if box is None or box.token != opened.token:
            raise FencedError(opened.key)
        return box

    def _check_room(self, own: str, outbox: Sequence[Letter]) -> None:
        incoming: dict[str, int] = {own: -1}
        for letter in outbox:
            incoming[letter.key] = incoming.get(letter.key, 0) + 1
        for key, number in incoming.items():
            box = self._boxes.get(key)
            held = 0 if box is None else len(box.mail) + len(box.waiters)
            if number > 0 and held + number > self._capacity:
                raise MailboxFullError(key, self._capacity)

    def _release(self, key: str, box: _Box) -> None:
        """End a lease; a key with more mail stands behind those that wait."""
        box.token = None
        service, box.lessee = box.lessee, None
        if service is not None:
            service.free += 1
            if service.waiting:
                self._hand_out(service)
        if box.mail:
            self._make_ready(key)
        else:
            self._drop_if_idle(key, box)

    def _drop_if_idle(self, key: str, box: _Box) -> None:
        if not box.mail and not box.waiters:
            self._boxes.pop(key, None)
