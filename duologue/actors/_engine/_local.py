"""What engines of one process have in common: mailboxes, leases and room, in memory.

Leasing costs nothing here: mail for a key that nobody handles leases it and calls `ready`
at once, in the step that brought the mail. A key stands in the queue of those that are
ready only while nobody serves its kind or all slots are taken.

Nothing here waits but senders for room, and nothing is written: an engine changes the
mailboxes, and then sees to it that the change is safe.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count, islice

from duologue.actors._engine._engine import (
    FailedMail,
    Letter,
    Mail,
    Opened,
    Owed,
    TimedLetter,
)
from duologue.errors import (
    EngineClosedError,
    EngineNameError,
    FencedError,
    MailboxFullError,
    SnapshotTooLargeError,
)


class Service:
    """Somebody who handles the mail of some kinds of keys."""

    __slots__ = ("free", "ready", "waiting")

    def __init__(self, slots: int, ready: Callable[[str], None]) -> None:
        self.free: int = slots
        self.ready: Callable[[str], None] = ready
        # Keys that have mail and wait for a slot.
        self.waiting: deque[str] = deque()


def _tell_nobody(key: str) -> None:
    """Is never called: a service without slots leases nothing."""


class Mailbox:
    """The mail of one key; exists while there is mail or a waiter.

    A key that is leased has mail until the turn ends that took it out; where a commit
    takes time, until it begins.
    """

    __slots__ = ("attempt", "lessee", "mail", "parked", "token", "waiters")

    def __init__(self) -> None:
        self.mail: deque[Mail] = deque()
        self.waiters: deque[asyncio.Future[None]] = deque()
        self.lessee: Service | None = None
        self.token: str | None = None
        self.attempt = 0
        self.parked: int | None = None

    def pop(self) -> Mail:
        """Take out the message that has been handled."""
        self.attempt = 0
        return self.mail.popleft()

    def admit(self, capacity: int) -> None:
        """Let in as many waiting senders as there is room for."""
        room = capacity - len(self.mail)
        # Those who were let in already have a claim on a place each.
        for waiter in islice(self.waiters, max(room, 0)):
            if not waiter.done():
                waiter.set_result(None)


class LocalMailboxes:
    """The mailboxes of an engine that lives in one process.

    Args:
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are remembered.
    """

    def __init__(
        self, *, capacity: int, max_snapshot: int, max_dead_letters: int
    ) -> None:
        self._name = secrets.token_urlsafe(6)
        self._capacity = capacity
        self._max_snapshot = max_snapshot
        self._boxes: dict[str, Mailbox] = {}
        self._services: dict[str, Service] = {}
        # Has no slot, so what nobody serves waits there.
        self._nobody = Service(0, _tell_nobody)
        self._dead: deque[FailedMail] = deque(maxlen=max_dead_letters)
        self._tokens = count(1)
        self._closed = False

    def serve(
        self,
        kinds: Collection[str],
        slots: int,
        ready: Callable[[str], None],
        schema: int = 0,
    ) -> None:
        """Lease keys that have mail, or are owed something, to whoever calls this."""
        service = Service(slots, ready)
        services = self._services
        # What this process owes while somebody serves it is with them already.
        owing = [key for key in self._owing() if self._service(key) is self._nobody]
        # A narrower kind takes keys over from a wider one.
        before = dict.fromkeys((*services.values(), self._nobody))
        services.update(dict.fromkeys(kinds, service))
        for former in before:
            waiting, former.waiting = former.waiting, deque()
            for key in waiting:
                self._service(key).waiting.append(key)
        for key, box in self._boxes.items():
            if (
                box.parked is not None
                and box.parked <= schema
                and self._service(key) is service
            ):
                box.parked = None
                if box.lessee is None:
                    service.waiting.append(key)
        service.waiting.extend(key for key in owing if self._service(key) is service)
        self._hand_out(service)

    @property
    def shared(self) -> bool:
        """Nobody else uses it."""
        return False

    @property
    def name(self) -> str:
        """Names this engine."""
        return self._name

    def mine(self, screen: str) -> bool:  # noqa: ARG002  # there is nobody else
        """This process draws everything."""
        return True

    async def hand(self, opened: Opened, to: str) -> bool:  # noqa: ARG002  # the same
        """There is no other process."""
        return False

    def tell(self, process: str, message: bytes) -> None:
        """There is no other process."""

    def listen(
        self, heard: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> None:
        """There is no other process."""

    def waiting(self) -> int:
        """How many messages are in the mailboxes, being handled or not; any thread."""
        return sum(len(box.mail) for box in list(self._boxes.values()))

    async def unserved(self, kind: str) -> int:
        """How many messages wait for somebody who serves a kind."""
        boxes = self._boxes.items()
        return sum(
            len(box.mail)
            for key, box in boxes
            if box.lessee is None and key.partition(":")[0] == kind
        )

    def parked(self) -> int:
        """How many keys wait for a program that understands them; any thread."""
        boxes = list(self._boxes.values())
        return sum(box.parked is not None for box in boxes)

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

    def _owing(self) -> Iterable[str]:
        """The screens that are owed something, or have a row."""
        return ()

    def _restart(self) -> None:
        """Take mail again; whoever had leases has lost them."""
        self._closed = False
        self._services.clear()
        self._nobody.waiting.clear()
        for key, box in list(self._boxes.items()):
            box.lessee = box.token = box.parked = None
            if box.mail:
                self._nobody.waiting.append(key)

    def _tokens_anew(self) -> None:
        """Turns of earlier runs are not to be taken for turns of this one."""
        self._tokens = count(secrets.randbits(62))

    def _box(self, key: str) -> Mailbox:
        box = self._boxes.get(key)
        if box is None:
            box = self._boxes[key] = Mailbox()
        return box

    async def _room(self, key: str) -> Mailbox:
        """The mailbox of a key, with room for one more message.

        Raises:
            EngineClosedError: The engine takes nothing any more.
        """
        box = self._box(key)
        # Whoever comes while others wait stands behind them.
        if len(box.mail) >= self._capacity or box.waiters:
            await self._wait_for_room(key, box)
        elif self._closed:
            self._drop_if_idle(key, box)
            raise EngineClosedError(key)
        return box

    async def _wait_for_room(self, key: str, box: Mailbox) -> None:
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

    def _leave(self, key: str, box: Mailbox, waiter: asyncio.Future[None]) -> None:
        box.waiters.remove(waiter)
        # Its place, or the one it would have had, is the next one's.
        box.admit(self._capacity)
        self._drop_if_idle(key, box)

    def _put(self, key: str, box: Mailbox, mail: Mail) -> None:
        box.mail.append(mail)
        if box.lessee is None and box.parked is None and len(box.mail) == 1:
            self._make_ready(key)

    def _put_all(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self._put(letter.key, self._box(letter.key), letter.mail)

    def _service(self, key: str) -> Service:
        services = self._services
        return (
            services.get(key.partition(":")[0])
            or services.get(key.partition("/")[0])
            or self._nobody
        )

    def _make_ready(self, key: str) -> None:
        service = self._service(key)
        if service.free > 0:
            self._lease(key, service)
        else:
            service.waiting.append(key)

    def _lease(self, key: str, service: Service) -> None:
        box = self._boxes.get(key)
        if box is not None:  # a screen has none, and takes no slot
            service.free -= 1
            box.lessee = service
        service.ready(key)

    def _hand_out(self, service: Service) -> None:
        """Lease what has been waiting for a slot."""
        while service.waiting and service.free > 0:
            self._lease(service.waiting.popleft(), service)

    def _begin(self, key: str, snapshot: bytes | None) -> Opened | None:
        """Begin a turn; None if the key is not leased."""
        box = self._boxes.get(key)
        if box is None or box.lessee is None:
            return None
        box.token = str(next(self._tokens))
        box.attempt += 1
        return Opened(key, box.token, snapshot, box.mail[0], box.attempt)

    def _owned(self, opened: Opened) -> Mailbox:
        box = self._boxes.get(opened.key)
        if box is None or box.token != opened.token:
            raise FencedError(opened.key)
        return box

    def _check(
        self,
        key: str,
        snapshot: bytes | None,
        outbox: Sequence[Letter],
        owed: Sequence[Owed],
        timed: Sequence[TimedLetter],
    ) -> None:
        """Make sure that a commit can be carried out."""
        for one in owed:
            check_name(key, one.screen)
            check_name(key, one.id)
        for letter in timed:
            check_name(key, letter.key)
            check_name(key, letter.id)
        check_letters(outbox)
        if snapshot is not None and len(snapshot) > self._max_snapshot:
            raise SnapshotTooLargeError(key, len(snapshot), self._max_snapshot)
        if outbox:
            self._check_room(key, outbox)

    def _check_room(self, own: str, outbox: Sequence[Letter]) -> None:
        incoming: dict[str, int] = {own: -1}
        for letter in outbox:
            incoming[letter.key] = incoming.get(letter.key, 0) + 1
        for key, number in incoming.items():
            box = self._boxes.get(key)
            held = 0 if box is None else len(box.mail) + len(box.waiters)
            if number > 0 and held + number > self._capacity:
                raise MailboxFullError(key, self._capacity)

    def _release(self, key: str, box: Mailbox) -> None:
        """End a lease; a key with more mail stands behind those that wait."""
        box.token = None
        service, box.lessee = box.lessee, None
        if service is not None:
            service.free += 1
            if service.waiting:
                self._hand_out(service)
        if box.mail:
            if box.parked is None:
                self._make_ready(key)
        else:
            self._drop_if_idle(key, box)

    def _drop_if_idle(self, key: str, box: Mailbox) -> None:
        if not box.mail and not box.waiters and box.lessee is None:
            self._boxes.pop(key, None)


def check_letters(letters: Sequence[Letter]) -> None:
    """Make sure that letters can be written.

    Raises:
        EngineNameError: One of them cannot.
    """
    for letter in letters:
        check_name(letter.key, letter.key)
        check_name(letter.key, letter.mail.id)


def check_name(key: str, name: str) -> None:
    """Make sure that a name can be written.

    Raises:
        EngineNameError: It cannot.
    """
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise EngineNameError(key, name) from None
