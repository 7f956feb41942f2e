"""Mailboxes in memory, whose every change is noted in the group that is written next.

They are those of an engine of one process; in addition each message has the number that it
has in the file, a key stays leased until its turn is written, and the messages that may have
ended the process before (`_suspects`) are handled one at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from duologue.actors import FailedMail, Letter, Mail, Observer, Opened, Owed
from duologue.actors._engine._local import LocalMailboxes, Mailbox
from duologue.transport.sqlite._file import Loaded
from duologue.transport.sqlite._suspects import Suspects
from duologue.transport.sqlite._writer import Writer


class WrittenMailboxes(LocalMailboxes):
    """Mailboxes that a file has too.

    Args:
        writer: Writes what has changed.
        capacity: How many messages one mailbox holds before senders wait.
        max_snapshot: How many bytes a snapshot may have.
        max_dead_letters: How many dead letters are remembered.
    """

    def __init__(
        self, writer: Writer, *, capacity: int, max_snapshot: int, max_dead_letters: int
    ) -> None:
        super().__init__(
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )
        self._writer = writer
        # The numbers of the messages in a mailbox, in order.
        self._numbers: dict[str, deque[int]] = {}
        # Keys whose turn is in memory and not yet in the file.
        self._committing: set[str] = set()
        self._suspects = Suspects()
        self._last_mail = self._last_dead = 0

    def observe(self, observer: Observer) -> None:
        """Tell somebody of writes and errors from now on."""
        self._writer.observer = observer

    def gauges(self) -> Mapping[str, Callable[[], float]]:
        """What can be read at each scrape, on any thread, by its name."""
        return {"leases_held": self._leased, "units_ready": self._ready}

    def _leased(self) -> int:
        return sum(box.lessee is not None for box in list(self._boxes.values()))

    def _ready(self) -> int:
        services = {*list(self._services.values()), self._nobody}
        return sum(len(service.waiting) for service in services)

    def serve(
        self,
        kinds: Collection[str],
        slots: int,
        ready: Callable[[str], None],
        schema: int = 0,
    ) -> None:
        """Lease keys that have mail, or are owed something, to whoever calls this."""
        super().serve(kinds, slots, ready, schema)
        if self._suspects:
            self._suspects.look_again()
            self._next_suspect()

    async def fail(
        self,
        opened: Opened,
        *,
        error: str,
        retry: bool,
        snapshot: bytes | None = None,
        owed: Sequence[Owed] = (),
    ) -> None:
        """End a turn that has failed: its mail stays, or is a dead letter.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
            EngineUnavailableError: The engine ended before this could be written.
        """
        box = self._owned(opened)
        self._close_record(opened.key)
        if not retry:
            # Half of a character, as JSON may have it, cannot be written.
            text = error.encode(errors="backslashreplace").decode()
            dead = FailedMail(opened.key, opened.mail, text)
            self._dead.append(dead)
            self._last_dead += 1
            self._writer.group.bury(self._last_dead, dead)
            if snapshot is not None:
                self._keep(opened.key, snapshot)
            self._owe(owed)
            self._pop(opened.key, box)
            box.admit(self._capacity)
            await self._end_turn(opened.key, box)
        self._release(opened.key, box)

    async def park(self, opened: Opened, schema: int) -> None:
        """Leave a key to a program that understands it; nothing of it is lost.

        Raises:
            FencedError: Somebody else opened the key meanwhile.
        """
        box = self._owned(opened)
        self._close_record(opened.key)
        self._suspects.clear(opened.key)
        box.parked = schema
        self._release(opened.key, box)

    def _keep(self, key: str, snapshot: bytes) -> None:
        """Keep a snapshot, with the group that is written next."""

    def _owe(self, owed: Sequence[Owed]) -> None:
        """Owe something to screens, with the group that is written next."""

    def _fill_mailboxes(self, loaded: Loaded) -> None:
        """Take over what the file has; nobody has a lease."""
        self._committing.clear()
        self._boxes.clear()
        self._numbers.clear()
        self._dead.clear()
        for number, letter in loaded.mail:
            self._box(letter.key).mail.append(letter.mail)
            self._numbers.setdefault(letter.key, deque()).append(number)
        self._dead.extend(loaded.dead)
        self._last_mail = loaded.last_mail
        self._last_dead = loaded.last_dead
        self._restart()
        self._suspects = Suspects(loaded.suspects)
        unsuspected = [key for key in self._nobody.waiting if key not in self._suspects]
        self._nobody.waiting = deque(unsuspected)

    def _put(self, key: str, box: Mailbox, mail: Mail) -> None:
        number = self._last_mail = self._last_mail + 1
        numbers = self._numbers.get(key)
        if numbers is None:
            numbers = self._numbers[key] = deque()
        numbers.append(number)
        self._writer.group.bring(number, Letter(key, mail))
        super()._put(key, box, mail)
        self._writer.soon()

    def _pop(self, key: str, box: Mailbox) -> None:
        """Take out the message that has been handled; its turn is spent."""
        box.token = None
        box.pop()
        self._close_record(key)
        if self._suspects:
            self._acquit(key)
        numbers = self._numbers[key]
        self._writer.group.handle(numbers.popleft())
        if not numbers:
            del self._numbers[key]

    async def _end_turn(self, key: str, box: Mailbox) -> None:
        """Return when what a turn has changed is in the file; it is leased until then."""
        self._committing.add(key)
        group = self._writer.group
        try:
            await self._writer.safe()
        except asyncio.CancelledError:
            if group.is_done:
                self._let_go(key, box)
            else:
                group.after.append(partial(self._let_go, key, box))
            raise
        self._committing.discard(key)

    def _let_go(self, key: str, box: Mailbox) -> None:
        self._committing.discard(key)
        self._release(key, box)

    def _make_ready(self, key: str) -> None:
        if key in self._suspects:  # it has been given back
            self._suspects.put_back(key)
        else:
            super()._make_ready(key)

    def _release(self, key: str, box: Mailbox) -> None:
        super()._release(key, box)
        if self._suspects:
            self._next_suspect()

    def _next_suspect(self) -> None:
        """Lease the next suspect if none is being handled."""
        key = self._suspects.next(
            lambda key: self._service(key) is not self._nobody,
        )
        if key is not None:
            service = self._service(key)
            service.waiting.appendleft(key)
            self._hand_out(service)

    def _acquit(self, key: str) -> None:
        """A message has been handled, and the process is alive."""
        self._suspects.clear(key)
        if not self._suspects:
            for number in self._suspects.recorded:
                self._writer.group.note_opening(number, is_open=False)
            self._suspects.recorded.clear()

    async def _record(self, key: str) -> None:
        """Have the file know that a message is being handled."""
        number = self._numbers[key][0]
        self._suspects.recorded.add(number)
        self._writer.group.note_opening(number, is_open=True)
        await self._writer.safe()

    def _close_record(self, key: str) -> None:
        number = self._numbers[key][0]
        if number in self._suspects.recorded:
            self._suspects.recorded.discard(number)
            self._writer.group.note_opening(number, is_open=False)
            self._writer.soon()
