"""What was accepted here and is not handled yet.

Somebody waits for the outcome of a call, and with an engine in memory the poller waits for
that of an update: each is a `Pending` until its turn has ended. Nobody waits for an update
that is in a mailbox which outlives the process, and its turn comes in whichever process has
the chat by then. So a thousand chats that are busy for long do not fill the memory: of
such an update there is one bit here, for those who wait until all is handled. What its turn
wants to know stands in the id of its mail.
"""

from __future__ import annotations

import asyncio
from itertools import count, takewhile
from typing import ClassVar, Final

from duologue.dialogs._chat._ports import Update
from duologue.dialogs._delivery._receipts import Pending

# Updates that are parsed already when their turn comes; of others the mail is parsed anew.
_MOST_PARSED: Final = 1_000
_PAGE: Final = 1_024
# Stands in the ids of updates only.
_MARK: Final = "~"


class Arrival:
    """An update on its way into a mailbox that outlives the process.

    Args:
        update: The update, parsed.
        since: When it has come, by the clock.
        batch: The batch of the poller that it came in, if it did.

    Attributes:
        safe: Nobody has to wait until it may be acknowledged.
    """

    __slots__ = ("batch", "since", "update")

    safe: ClassVar[None] = None

    def __init__(self, update: Update, since: float, batch: int | None) -> None:
        self.update: Update = update
        self.since: float = since
        self.batch: int | None = batch


class _Page:
    """Which of a thousand updates are not handled yet, and when the newest has come."""

    __slots__ = ("bits", "newest")

    def __init__(self) -> None:
        self.bits: int = 0
        self.newest: float = 0.0


class Arrivals:
    """The updates of this process in mailboxes that outlive it: counted, not kept.

    Args:
        prefix: With what the ids of mail of this process begin.

    Attributes:
        count: How many they are.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}."
        self._numbers = count(1)
        self._pages: dict[int, _Page] = {}
        self.count: int = 0
        self._parsed: dict[str, Update] = {}

    def note(self, arrival: Arrival) -> str:
        """Count an update before it is sent.

        Returns:
            The id of its mail.
        """
        number = next(self._numbers)
        page = self._pages.get(number // _PAGE)
        if page is None:
            page = self._pages[number // _PAGE] = _Page()
        page.bits |= 1 << number % _PAGE
        page.newest = arrival.since
        self.count += 1
        batch = "" if arrival.batch is None else arrival.batch
        mail_id = f"{self._prefix}{number}{_MARK}{arrival.since!r}{_MARK}{batch}"
        if len(self._parsed) >= _MOST_PARSED:
            self._parsed.clear()  # some may never have their turn here
        self._parsed[mail_id] = arrival.update
        return mail_id

    def get(self, mail_id: str) -> Pending | None:
        """What the turn of an update wants to know; None if it is not of this process."""
        if not mail_id.startswith(self._prefix):
            return None
        _, since, batch = mail_id.split(_MARK)
        return Pending(
            mail_id,
            float(since),
            update=self._parsed.pop(mail_id, None),
            batch=int(batch) if batch else None,
        )

    def end(self, mail_id: str) -> None:
        """Note that an update was handled; how often this is said does not matter."""
        if not mail_id.startswith(self._prefix):
            return
        self._parsed.pop(mail_id, None)
        number = int(mail_id[len(self._prefix) : mail_id.index(_MARK)])
        page = self._pages.get(number // _PAGE)
        bit = 1 << number % _PAGE
        if page is not None and page.bits & bit:
            page.bits ^= bit
            self.count -= 1
            if not page.bits:
                del self._pages[number // _PAGE]

    def forget_before(self, moment: float) -> None:
        """Count no more those of which all newer ones have come before a moment, too."""
        for page in [key for key, it in self._pages.items() if it.newest < moment]:
            self.count -= self._pages.pop(page).bits.bit_count()

    def clear(self) -> None:
        """Forget all."""
        self._pages.clear()
        self._parsed.clear()
        self.count = 0


class PendingMail:
    """The messages of this process that are not handled, by their ids.

    Local to the process, unlike the messages.

    Args:
        prefix: With what their ids begin.
    """

    def __init__(self, prefix: str) -> None:
        # Not a function: it would be one more call of every press.
        self._ids = map(f"{prefix}.".__add__, map(str, count(1)))
        self._pending: dict[str, Pending] = {}
        self._arrivals = Arrivals(prefix)
        self._idle: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._pending) + self._arrivals.count

    def new_id(self) -> str:
        """An id for mail of this process."""
        return next(self._ids)

    def note(self, pending: Pending) -> str:
        """Give a message its id before it is sent.

        Returns:
            The id.
        """
        mail_id = pending.id = next(self._ids)
        self._pending[mail_id] = pending
        return mail_id

    def add(self, pending: Pending) -> None:
        """Note a message that has its id, as another process has sent it."""
        self._pending[pending.id] = pending

    def arrive(self, arrival: Arrival) -> str:
        """Count an update before it is sent to a mailbox that outlives the process.

        Returns:
            The id of its mail.
        """
        return self._arrivals.note(arrival)

    def get(self, mail_id: str) -> Pending | None:
        """Find a message, for its turn."""
        pending = self._pending.get(mail_id)
        if pending is None and _MARK in mail_id:
            return self._arrivals.get(mail_id)
        return pending

    def older_than(self, moment: float) -> list[Pending]:
        """Those that have waited since before a moment, by the clock.

        They stand in the order in which they were sent. Updates that are only counted are
        counted no more.
        """
        self._arrivals.forget_before(moment)
        self._wake()
        return list(takewhile(lambda each: each.since < moment, self._pending.values()))

    def remove(self, mail_id: str) -> Pending | None:
        """Forget a message, and return it if somebody may wait for it."""
        pending = self._pending.pop(mail_id, None)
        if pending is None and _MARK in mail_id:
            self._arrivals.end(mail_id)
        if self._idle:
            self._wake()
        return pending

    async def wait_idle(self) -> None:
        """Wait until no message of this process is unhandled."""
        while len(self):
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    def fail_all(self, error: BaseException) -> None:
        """Tell everybody that the messages will not be handled here."""
        self._arrivals.clear()
        for mail_id in list(self._pending):
            pending = self.remove(mail_id)
            if pending is not None:
                pending.fail(error)
        self._wake()

    def _wake(self) -> None:
        """Tell those who wait for it that nothing is unhandled."""
        if self._idle and not len(self):
            for idle in self._idle:
                if not idle.done():
                    idle.set_result(None)
            self._idle.clear()
