"""The presenter: from commits to screens, at the pace the messenger allows."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from duologue.actors import Clock, Observer
from duologue.dialogs._address import Address
from duologue.dialogs._callbacks import Callbacks
from duologue.dialogs._chat import View
from duologue.dialogs._commands import Drawn
from duologue.dialogs._modes import ShowMode
from duologue.dialogs._ports import Bot
from duologue.dialogs._tasks import Tasks
from duologue.dialogs._turn import Draw
from duologue.errors import (
    BadRequestError,
    MessageGoneError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    RuntimeStoppedError,
)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_logger = logging.getLogger("duologue.presenter")

Confirm = Callable[[Address, Drawn], Awaitable[object]]


@dataclass(slots=True)
class _Order:
    draw: Draw
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    is_answering: bool = False

    @property
    def is_edit(self) -> bool:
        return self.draw.mode is ShowMode.EDIT and self.draw.view is not None


@dataclass(slots=True)
class _Screen:
    """One message that shows a stack, and what is on its way to it."""

    address: Address
    bot: Bot
    message_id: str | None
    orders: deque[_Order] = field(default_factory=deque)
    strips: list[str] = field(default_factory=list)
    current: _Order | None = None
    is_running: bool = False
    unconfirmed: int = 0

    @property
    def is_idle(self) -> bool:
        return not (self.is_running or self.orders or self.strips or self.unconfirmed)


class Presenter:
    """Draws what turns have committed.

    For each stack at most one request is in flight. Edits that wait are replaced
    by newer ones, so a burst ends with its last view; new messages are never
    merged. A refusal for too many calls pauses only that chat, an unreachable
    messenger is tried again, and neither loses a view.

    Args:
        tasks: Owns the drawing.
        callbacks: The presses that drawings may answer.
        confirm: Sends `Drawn` to an address.
        clock: Tells how long to pause.
        observer: Counts what happens to drawings.
    """

    def __init__(
        self,
        tasks: Tasks,
        callbacks: Callbacks,
        *,
        confirm: Confirm,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._tasks = tasks
        self._callbacks = callbacks
        self._confirm = confirm
        self._clock = clock
        self._observer = observer
        self._screens: dict[tuple[str, str], _Screen] = {}

    def __len__(self) -> int:
        return len(self._screens)

    def show(self, address: Address, bot: Bot, draw: Draw) -> asyncio.Future[None]:
        """Take over a view.

        Returns:
            A future that ends when it, or a newer view of the stack, is drawn.
        """
        key = (address.key, draw.stack_id)
        screen = self._screens.get(key)
        if screen is None:
            screen = self._screens[key] = _Screen(address, bot, draw.message_id)
        order = self._place(screen, draw)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        order.waiters.append(waiter)
        if not screen.is_running:
            screen.is_running = True
            self._tasks.start(self._run(key, screen), f"presenter of {address.key}")
        return waiter

    def in_flight(self, address_key: str, stack_id: str) -> asyncio.Future[None] | None:
        """A future that ends when the views of a stack that wait now are drawn."""
        screen = self._screens.get((address_key, stack_id))
        if screen is None:
            return None
        order = screen.orders[-1] if screen.orders else screen.current
        if order is None:
            return None
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        order.waiters.append(waiter)
        return waiter

    def confirmed(self, address_key: str, stack_id: str) -> None:
        """Note that the state knows of a drawing now."""
        key = (address_key, stack_id)
        screen = self._screens.get(key)
        if screen is not None and screen.unconfirmed:
            screen.unconfirmed -= 1
            self._evict(key, screen)

    def stop(self) -> None:
        """Forget what has not been drawn; those who wait get an error."""
        for screen in self._screens.values():
            for order in screen.orders:
                _fail(order, RuntimeStoppedError())
            if screen.current is not None:
                _fail(screen.current, RuntimeStoppedError())
        self._screens.clear()

    def _place(self, screen: _Screen, draw: Draw) -> _Order:
        order = _Order(draw)
        newest = screen.orders[-1] if screen.orders else None
        if newest is None or not (newest.is_edit and order.is_edit):
            screen.orders.append(order)
            return order
        self._observer.count("draws", reason="replaced")
        self._replace(newest, order)
        return newest

    def _replace(self, waiting: _Order, newer: _Order) -> None:
        """Put a newer edit in the place of one that has not been sent."""
        old, new = waiting.draw, newer.draw
        new.confirm = new.confirm or old.confirm
        if old.callback_id is not None and not waiting.is_answering:
            if new.callback_id is None:
                new.callback_id, new.notification = old.callback_id, old.notification
            else:
                self._callbacks.supersede(old.callback_id)
        elif waiting.is_answering:
            if new.callback_id is not None:
                self._callbacks.supersede(new.callback_id)
            new.callback_id, new.notification = old.callback_id, old.notification
            newer.is_answering = True
        waiting.draw = new
        waiting.is_answering = newer.is_answering

    async def _run(self, key: tuple[str, str], screen: _Screen) -> None:
        pause = _FIRST_PAUSE
        try:
            while screen.orders or screen.strips:
                # The right to a call comes first, the newest view second.
                await screen.bot.ready(screen.address.chat_id)
                if not screen.orders:
                    await self._strip(screen, screen.strips.pop())
                    continue
                screen.current = screen.orders.popleft()
                if await self._perform(screen, screen.current):
                    pause = _FIRST_PAUSE
                    continue
                self._put_back(screen, screen.current)
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            screen.current = None
            screen.is_running = False
            self._evict(key, screen)

    async def _perform(self, screen: _Screen, order: _Order) -> bool:
        """Make one attempt to draw; tell whether the order is done with."""
        previous = screen.message_id
        try:
            await self._draw(screen, order)
        except RateLimitedError as error:
            self._observer.count("draws", reason="limited")
            _logger.info("%s", error)
            return False
        except MessengerUnavailableError as error:
            self._observer.count("draws", reason="unavailable")
            _logger.info("%s", error)
            return False
        except MessengerError as error:
            self._observer.count("draws", reason="refused")
            _logger.warning("a view of %s is dropped: %s", screen.address.key, error)
            _fail(order, error)
            return True
        self._observer.count("draws", reason="drawn")
        await self._tell(screen, order.draw, previous)
        for waiter in order.waiters:
            if not waiter.done():
                waiter.set_result(None)
        return True

    async def _draw(self, screen: _Screen, order: _Order) -> None:
        draw = order.draw
        chat_id = screen.address.chat_id
        if draw.view is None:
            await self._close(screen)
        elif draw.mode is ShowMode.EDIT and screen.message_id is not None:
            await self._edit(screen, order, draw.view, screen.message_id)
        elif draw.mode is ShowMode.DELETE_AND_SEND and screen.message_id is not None:
            await self._delete(screen, screen.message_id)
            draw.mode = ShowMode.SEND
            await screen.bot.ready(chat_id)
            screen.message_id = await screen.bot.send(chat_id, draw.view)
        else:
            left_behind = screen.message_id
            screen.message_id = await screen.bot.send(chat_id, draw.view)
            if left_behind is not None and draw.strip:
                screen.strips.append(left_behind)

    async def _edit(
        self, screen: _Screen, order: _Order, view: View, message_id: str
    ) -> None:
        chat_id = screen.address.chat_id
        callback_id = order.draw.callback_id
        if callback_id is not None and not order.is_answering:
            order.is_answering = self._callbacks.take(callback_id)
        try:
            if callback_id is not None and order.is_answering:
                try:
                    await screen.bot.answer(
                        chat_id,
                        callback_id,
                        view=view,
                        notification=order.draw.notification,
                    )
                except (BadRequestError, MessageGoneError) as error:
                    # The press is too old to be answered: edit instead.
                    self._observer.count("callbacks", reason="failed")
                    _logger.info("%s", error)
                    order.is_answering = False
                    order.draw.callback_id = None
                    await screen.bot.ready(chat_id)
                    await screen.bot.edit(chat_id, message_id, view)
                else:
                    self._observer.count("callbacks", reason="answered")
            else:
                await screen.bot.edit(chat_id, message_id, view)
        except MessageGoneError:
            self._observer.count("draws", reason="gone")
            await screen.bot.ready(chat_id)
            screen.message_id = await screen.bot.send(chat_id, view)

    async def _close(self, screen: _Screen) -> None:
        if screen.message_id is not None:
            message_id, screen.message_id = screen.message_id, None
            try:
                await screen.bot.remove_keyboard(screen.address.chat_id, message_id)
            except (RateLimitedError, MessengerUnavailableError):
                screen.message_id = message_id
                raise
            except MessageGoneError:
                self._observer.count("draws", reason="gone")

    async def _delete(self, screen: _Screen, message_id: str) -> None:
        try:
            await screen.bot.delete(screen.address.chat_id, message_id)
        except (RateLimitedError, MessengerUnavailableError):
            raise
        except MessengerError as error:
            # It may be gone or too old; the new message matters more.
            self._observer.count("draws", reason="not deleted")
            _logger.info("%s", error)
        screen.message_id = None

    async def _strip(self, screen: _Screen, message_id: str) -> None:
        try:
            await screen.bot.remove_keyboard(screen.address.chat_id, message_id)
        except (RateLimitedError, MessengerUnavailableError):
            screen.strips.append(message_id)
            await self._clock.sleep(_FIRST_PAUSE)
        except MessengerError as error:
            self._observer.count("draws", reason="not stripped")
            _logger.info("%s", error)

    async def _tell(self, screen: _Screen, draw: Draw, previous: str | None) -> None:
        if draw.view is None or screen.message_id is None:
            return
        if not draw.confirm and screen.message_id == previous:
            return
        screen.unconfirmed += 1
        drawn = Drawn(draw.stack_id, draw.revision, screen.message_id, previous)
        await self._confirm(screen.address, drawn)

    def _put_back(self, screen: _Screen, order: _Order) -> None:
        following = screen.orders[0] if screen.orders else None
        if following is None or not (following.is_edit and order.is_edit):
            screen.orders.appendleft(order)
            return
        self._observer.count("draws", reason="replaced")
        newer = _Order(following.draw)
        self._replace(order, newer)
        following.draw = order.draw
        following.is_answering = order.is_answering
        following.waiters.extend(order.waiters)

    def _evict(self, key: tuple[str, str], screen: _Screen) -> None:
        if screen.is_idle and self._screens.get(key) is screen:
            del self._screens[key]


def _fail(order: _Order, error: BaseException) -> None:
    for waiter in order.waiters:
        if not waiter.done():
            waiter.set_exception(error)
            waiter.exception()  # whoever waits gets it; nobody else need hear of it
