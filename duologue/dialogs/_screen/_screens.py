"""What is on its way to the messages that show the stacks of a conversation."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TypeAlias

from duologue.dialogs._chat._address import Address, bot_key, screen_key
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._receipts import DrawnView, nobody
from duologue.dialogs._screen._rows import row_name
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._states import State
from duologue.dialogs._state._turn import Debt, Draw


class Order(DrawnView):
    """A view that is to be drawn, and those who wait for it.

    Args:
        draw: The view. A newer edit takes its place until it is sent.

    Attributes:
        is_answering: Whether it has taken over the duty to answer its press.
        debts: What it pays when it is done.
        is_tried: Whether this process has tried to draw it.
    """

    __slots__ = (
        "_error",
        "_into",
        "_is_over",
        "_waiters",
        "debts",
        "draw",
        "is_answering",
        "is_tried",
    )

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.draw: Draw = draw
        self.debts: list[Debt] = [] if draw.debt is None else [draw.debt]
        self.is_answering: bool = False
        self.is_tried: bool = False
        self._is_over = False
        self._error: BaseException | None = None
        self._into: Order | None = None
        # Most views have nobody who waits for them.
        self._waiters: list[asyncio.Future[None]] | None = None

    def gives_way_to(self, newer: Order) -> bool:
        """Whether a newer view may take its place: an edit that of an edit.

        And a new message that of a new message, where nobody asked for either.
        """
        old, new = self.draw, newer.draw
        if old.view is None or new.view is None or old.mode is not new.mode:
            return False
        if old.mode is ShowMode.EDIT:
            return True
        is_asked = old.is_asked or new.is_asked
        return old.mode is ShowMode.SEND and not is_asked

    async def wait(self) -> None:
        """Wait until it, or a newer view in its place, is on the screen.

        Raises:
            MessengerError: The messenger refused it for good.
        """
        if self._into is not None:
            await self._into.wait()
        elif not self._is_over:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters = [*(self._waiters or ()), waiter]
            await waiter
        elif self._error is not None:
            self.is_heard = True
            self.forget()
            raise self._error

    def finish(self, error: BaseException | None = None) -> None:
        """Tell those who wait that it is drawn, or never will be."""
        if self._is_over:
            return
        self._is_over, self._error = True, error
        for waiter in self._waiters or ():
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                self.is_heard = True
                waiter.set_exception(error)
                waiter.exception()  # whoever waits gets it; nobody else need hear of it
        self._waiters = None

    def merge_into(self, other: Order) -> None:
        """Let those who wait for this order wait for another one."""
        self._into = other
        if other.reader is nobody:
            other.reader = self.reader
        if self._waiters:
            other._waiters = [*(other._waiters or ()), *self._waiters]
            self._waiters = None


class Screen:
    """One message that shows a stack, and what is on its way to it.

    Args:
        address: Whose stack it is.
        bot: Who draws it.
        stack_id: The stack, or the name of a queue to another chat.
        chat_id: Where its messages are.

    Attributes:
        name: Names it in reports.
        message_id: The message, as far as it is known; None before the first.
        orders: The views that wait.
        strips: Messages that were left behind and may still show buttons.
        current: The view that is being sent.
        shown: The window that the message shows, as far as it is known.
        is_running: Whether somebody works off the orders.
        unconfirmed: Drawings of this process that the state has not heard of yet.
        has_row: Whether the engine keeps what a next process has to know of it.
        is_left: Whether another process draws it by now.
    """

    __slots__ = (
        "address",
        "bot",
        "chat_id",
        "current",
        "has_row",
        "is_left",
        "is_running",
        "message_id",
        "name",
        "orders",
        "shown",
        "stack_id",
        "strips",
        "unconfirmed",
    )

    def __init__(self, address: Address, bot: Bot, stack_id: str, chat_id: int) -> None:
        self.address: Address = address
        self.chat_id: int = chat_id
        self.bot: Bot = bot
        self.stack_id: str = stack_id
        self.name: str = f"presenter of {address.key}"
        self.message_id: str | None = None
        self.orders: deque[Order] = deque()
        self.strips: list[str] = []
        self.current: Order | None = None
        self.shown: State | None = None
        self.is_running: bool = False
        self.unconfirmed: list[int] = []
        self.has_row: bool = False
        self.is_left: bool = False

    @property
    def key(self) -> str:
        """The key of the screen of its chat, as the engine knows it."""
        return screen_key(bot_key(self.bot), self.chat_id)

    @property
    def row_name(self) -> str:
        """Names it among the stacks that the chat shows."""
        return row_name(self.address.key, self.stack_id)

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way, or the state is still to hear of it."""
        return bool(self.is_running or self.orders or self.strips or self.unconfirmed)

    def adopt(self, revision: int, shown: str) -> list[Order]:
        """Take a message that the user pressed for one that was to be sent.

        Whoever has sent it did not hear of that. It is newer than the message that is
        known, if one is.

        Args:
            revision: The drawing that the message shows, at most.
            shown: The message.

        Returns:
            What need not be drawn any more.
        """
        if self.current is not None or any(
            sent >= revision for sent in self.unconfirmed
        ):
            return []  # it has been sent once more, and the newer message counts
        # One that waits for its first try here may have been sent several times by
        # others: then the newest message counts, and that is still to come.
        done = [
            order
            for order in self.orders
            if order.is_tried
            and order.draw.view is not None
            and order.draw.revision <= revision
            and (self.message_id is None or order.draw.mode is ShowMode.SEND)
        ]
        for order in done:
            self.orders.remove(order)
        if self.message_id is None:
            self.message_id = shown
        elif done:
            left, self.message_id = self.message_id, shown
            if done[-1].draw.strip:
                self.strips.append(left)
        elif shown not in {self.message_id, *self.strips}:
            self.strips.append(shown)  # it counts no more
        return done


Screens: TypeAlias = dict[str, Screen]
"""The screens of one conversation, by stack."""
