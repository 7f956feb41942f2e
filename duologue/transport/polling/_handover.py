"""Handing a batch of updates to whoever handles them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, TypeAlias

from duologue.actors import Observer
from duologue.dialogs import Bot, bot_key
from duologue.errors import HandoverCancelledError
from duologue.transport._json import is_object
from duologue.transport._set_aside import SetAside
from duologue.transport.polling._steps import HandedOver, Raw

Taken: TypeAlias = asyncio.Future[None] | Exception | None
"""What became of an update that was offered; see `Intake`."""


class Intake(Protocol):
    """Takes updates over from a poller."""

    def __call__(
        self, bot: Bot, raws: Sequence[Mapping[str, object]], batch: int | None, /
    ) -> AsyncIterator[Taken]:
        """Take the updates of a batch, in their order.

        To be slow here slows the polling down. An update that was not safe in the end
        may come again.

        Args:
            bot: Who received them.
            raws: The updates as the messenger sent them.
            batch: The batch that they came in. When updates of another one come, all
                of this one are acknowledged, and the messenger sends none of them again.

        Yields:
            For each of them a future that ends without an error when the update is safe
            to acknowledge; None if it is safe already (a durable intake); or why it is
            set aside: a `MalformedUpdateError` or an `UnknownUpdateError`.

        Raises:
            Exception: This one and those after it were not taken, as far as anybody
                knows; they are offered again later.
        """
        ...


class Handover:
    """Hands the updates of one bot to an intake, and sets aside what nobody can read."""

    def __init__(self, bot: Bot, intake: Intake, observer: Observer) -> None:
        self._bot = bot
        self._name = bot_key(bot)
        self._intake = intake
        self._observer = observer
        self._aside = SetAside(bot, observer)
        self._updates: Sequence[Raw] = ()
        self._offered: list[asyncio.Future[None] | None] = []

    async def hand_over(self, updates: Sequence[Raw], batch: int | None) -> HandedOver:
        """Offer updates in order and wait until those that were taken are safe."""
        self._updates, self._offered = updates, []
        refused: Exception | None = None
        try:
            await self._offer(updates, batch)
        except Exception as refusal:  # noqa: BLE001 - nothing that the intake does may end the polling
            refused = refusal
        waiting = [future for future in self._offered if future is not None]
        if waiting:
            await asyncio.wait(waiting)
        errors = (_error(future) for future in waiting)
        first = next((error for error in errors if error is not None), refused)
        done = HandedOver(self.rest(updates), first)
        # The next ones may be long in coming; until then nobody needs these.
        self._updates, self._offered = (), []
        return done

    def rest(self, updates: Sequence[Raw]) -> tuple[Raw, ...]:
        """Tell which of the updates that are handed over are not known to be safe."""
        if updates is not self._updates:
            return tuple(updates)
        unsafe = (
            raw
            for raw, future in zip(updates, self._offered, strict=False)
            if future is not None and not _is_safe(future)
        )
        return (*unsafe, *updates[len(self._offered) :])

    async def _offer(self, updates: Sequence[object], batch: int | None) -> None:
        """Hand updates over; set aside those that cannot be read."""
        readable = [raw for raw in updates if is_object(raw)]
        taken = self._intake(self._bot, readable, batch)
        for raw in updates:
            outcome: Taken = None
            if is_object(raw):
                outcome = await anext(taken)
            else:
                self._aside.put(type(raw).__name__, "malformed", "it is no object")
            if isinstance(outcome, Exception):
                self._aside.refuse(raw, outcome)
                outcome = None
            self._offered.append(outcome)
            self._observer.count("updates_received", bot=self._name, source="poll")


def _is_safe(future: asyncio.Future[None]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _error(future: asyncio.Future[None]) -> Exception | None:
    if future.cancelled():
        return HandoverCancelledError()
    error = future.exception()
    if error is None or isinstance(error, Exception):
        return error
    raise error
