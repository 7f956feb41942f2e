"""Calls to dialogs from outside their turns."""

from __future__ import annotations

from datetime import datetime, timedelta

from duologue.dialogs._chat._address import Address
from duologue.dialogs._delivery._receipts import Receipt
from duologue.dialogs._manager._calls import Calls
from duologue.dialogs._manager._schedule import (
    ScheduledCalls,
    checked_key,
    first_due,
    take_back,
)
from duologue.dialogs._state._commands import CancelTimer, DialogCommand
from duologue.dialogs._state._recurrence import Every, dump_every
from duologue.dialogs._state._timer import Cancellation, Timer


class BackgroundCalls(Calls[Receipt]):
    """The calls that a background manager can make.

    Each call is accepted into the mailbox of the address and gives a `Receipt`;
    awaiting the receipt means waiting for the commit.

    Attributes:
        address: Whose dialogs they are.
        post: Takes the calls.
    """

    @property
    def ref(self) -> str:
        """The name by which other programs reach it, such as `dialog/max.42:5:5`."""
        return self.address.key

    @property
    def place(self) -> tuple[str, str, str | None]:
        """Which dialog it is: address, stack and, unless it is the top one, dialog."""
        return self.address.key, self._stack_id, self._intent_id

    def schedule(
        self,
        delay: timedelta | None = None,
        *,
        at: datetime | None = None,
        every: Every | None = None,
        key: str | None = None,
    ) -> ScheduledCalls:
        """Make a call later: `await bg.schedule(timedelta(days=1)).update({...})`.

        What is scheduled for a dialog (`manager.bg()`) is taken back when that closes. On
        an engine that outlives the process it outlives it too, and what is late comes at
        once; `event.due` tells when it was to come.

        Args:
            delay: How long from now.
            at: When, with a time zone; at once if that is over.
            every: How it repeats: after a span each time, or `Daily`. The first time is
                the next one unless there is `delay` or `at`.
            key: Your name for it: it takes the place of what waits in this conversation
                under the same one.

        Raises:
            ScheduleError: There is no such time, or none is said.
            WrongArgumentError: Something else stands in the place of a time or a text.
        """
        repeats = dump_every(every)
        return ScheduledCalls(
            self.post,
            self.address,
            stack_id=self._stack_id,
            intent_id=self._intent_id,
            at=first_due(delay, at, repeats),
            every=repeats,
            key=checked_key(key),
            load=self._load,
        )

    async def unschedule(self, timer: Timer | str) -> Cancellation:
        """Take a call back that was to come later.

        Inside a turn of its conversation this leaves with the commit; outside a turn it
        waits for one.

        Args:
            timer: What `schedule` gave, or the key.
        """
        if isinstance(timer, Timer):
            address = Address.parse(timer.address)
            return await take_back(
                self.post, address, CancelTimer(timer.token, is_key=False)
            )
        return await take_back(self.post, self.address, CancelTimer(timer, is_key=True))

    async def _send(self, command: DialogCommand) -> Receipt:
        await self._introduce()
        return await self.post.send(self.address, command)
