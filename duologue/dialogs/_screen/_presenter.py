"""The presenter: from commits to screens, at the pace the messenger allows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from duologue.actors import Clock, Observer
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._drawing import PASSING, Drawing, Order, Screen
from duologue.dialogs._state._commands import Drawn
from duologue.dialogs._state._turn import Draw
from duologue.errors import (
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
    RuntimeStoppedError,
    UnexpectedAnswerError,
    ViewDroppedError,
)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_MAX_WAITING = 1000  # new messages of one stack; edits take the place of edits
_logger = logging.getLogger("duologue.presenter")

Confirm = Callable[[Address, Drawn], Awaitable[object]]


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
        self._drawing = Drawing(callbacks, observer)
        self._screens: dict[tuple[str, str], Screen] = {}
        self._is_stopped = False

    def __len__(self) -> int:
        return len(self._screens)

    def show(self, address: Address, bot: Bot, draw: Draw) -> asyncio.Future[None]:
        """Take over a view.

        Returns:
            A future that ends when it, or a newer view of the stack, is drawn.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._is_stopped:
            _fail(Order(draw, [waiter]), RuntimeStoppedError())
            return waiter
        key = (address.key, draw.stack_id)
        screen = self._screens.get(key)
        if screen is None:
            screen = self._screens[key] = Screen(address, bot, draw.message_id)
        self._place(screen, draw).waiters.append(waiter)
        if not screen.is_running:
            self._begin(key, screen)
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
        self._is_stopped = True
        for screen in self._screens.values():
            for order in screen.orders:
                _fail(order, RuntimeStoppedError())
            if screen.current is not None:
                _fail(screen.current, RuntimeStoppedError())
        self._screens.clear()

    def _place(self, screen: Screen, draw: Draw) -> Order:
        order = Order(draw)
        newest = screen.orders[-1] if screen.orders else None
        if newest is None or not (newest.is_edit and order.is_edit):
            self._drop_oldest(screen)
            screen.orders.append(order)
            return order
        self._count(screen, "replaced")
        self._replace(newest, order)
        return newest

    def _drop_oldest(self, screen: Screen) -> None:
        """Keep the number of waiting views bounded; the newest ones matter most."""
        if len(screen.orders) < _MAX_WAITING:
            return
        oldest = screen.orders.popleft()
        self._count(screen, "dropped")
        _fail(oldest, ViewDroppedError(screen.address.key, _MAX_WAITING))

    def _replace(self, waiting: Order, newer: Order) -> None:
        """Put a newer edit in the place of one that has not been sent."""
        old, new = waiting.draw, newer.draw
        new.confirm = new.confirm or old.confirm
        if old.callback_id is not None and not waiting.is_answering:
            if new.callback_id is None:
                _hand_over(old, new)
            else:
                self._callbacks.supersede(old.callback_id)
        elif waiting.is_answering:
            if new.callback_id is not None:
                self._callbacks.supersede(new.callback_id)
            _hand_over(old, new)
            newer.is_answering = True
        waiting.draw = new
        waiting.is_answering = newer.is_answering

    def _begin(self, key: tuple[str, str], screen: Screen) -> None:
        screen.is_running = True
        name = f"presenter of {screen.address.key}"
        self._tasks.start(self._run(key, screen), name)

    async def _run(self, key: tuple[str, str], screen: Screen) -> None:
        try:
            await self._work_off(screen)
        except Exception as error:
            # A bot with a bug. The owner of the task reports it; the rest goes on.
            _give_up(screen, error)
            self._begin(key, screen)
            raise
        screen.is_running = False
        self._evict(key, screen)

    async def _work_off(self, screen: Screen) -> None:
        pause = _FIRST_PAUSE
        while screen.orders or screen.strips:
            # The right to a call comes first, the newest view second.
            await screen.bot.ready(screen.address.chat_id)
            if not screen.orders:
                await self._strip(screen)
                continue
            screen.current = screen.orders.popleft()
            if await self._perform(screen, screen.current):
                screen.current = None
                pause = _FIRST_PAUSE
                continue
            self._put_back(screen, screen.current)
            screen.current = None
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _strip(self, screen: Screen) -> None:
        message_id = screen.strips[-1]
        try:
            await self._drawing.strip(screen, message_id)
        except PASSING:
            await self._clock.sleep(_FIRST_PAUSE)
        else:
            screen.strips.remove(message_id)

    async def _perform(self, screen: Screen, order: Order) -> bool:
        """Make one attempt to draw; tell whether the order is done with."""
        previous = screen.message_id
        try:
            await self._drawing.draw(screen, order)
        except RateLimitedError as error:
            self._count(screen, "limited")
            _logger.info("%s", error)
            return False
        except (MessengerUnavailableError, UnexpectedAnswerError) as error:
            self._count(screen, "unavailable")
            _logger.info("%s", error)
            return False
        except MessengerError as error:
            self._count(screen, "refused")
            _logger.warning("a view of %s is dropped: %s", screen.address.key, error)
            _fail(order, error)
            await self._tell_of_refusal(screen, order.draw)
            return True
        self._count(screen, "drawn")
        await self._tell(screen, order.draw, previous)
        for waiter in order.waiters:
            if not waiter.done():
                waiter.set_result(None)
        return True

    async def _tell(self, screen: Screen, draw: Draw, previous: str | None) -> None:
        if draw.view is None or screen.message_id is None:
            return
        if not draw.confirm and screen.message_id == previous:
            return
        screen.unconfirmed += 1
        drawn = Drawn(draw.stack_id, draw.revision, screen.message_id, previous)
        await self._confirm(screen.address, drawn)

    async def _tell_of_refusal(self, screen: Screen, draw: Draw) -> None:
        if draw.view is not None:
            screen.unconfirmed += 1
            refused = Drawn(draw.stack_id, draw.revision, None, None)
            await self._confirm(screen.address, refused)

    def _put_back(self, screen: Screen, order: Order) -> None:
        following = screen.orders[0] if screen.orders else None
        if following is None or not (following.is_edit and order.is_edit):
            screen.orders.appendleft(order)
            return
        self._count(screen, "replaced")
        newer = Order(following.draw)
        self._replace(order, newer)
        following.draw = order.draw
        following.is_answering = order.is_answering
        following.waiters.extend(order.waiters)

    def _count(self, screen: Screen, outcome: str) -> None:
        self._observer.count("draws", bot=screen.address.bot, outcome=outcome)

    def _evict(self, key: tuple[str, str], screen: Screen) -> None:
        if screen.is_idle and self._screens.get(key) is screen:
            del self._screens[key]


def _hand_over(old: Draw, new: Draw) -> None:
    """Let a newer drawing answer the press that an older one was to answer."""
    new.callback_id, new.pressed_id = old.callback_id, old.pressed_id
    new.notification = old.notification


def _give_up(screen: Screen, error: Exception) -> None:
    """Drop what was being done, or would be done next."""
    order, screen.current = screen.current, None
    if order is None and screen.orders:
        order = screen.orders.popleft()
    if order is not None:
        _fail(order, error)
    elif screen.strips:
        screen.strips.pop()


def _fail(order: Order, error: BaseException) -> None:
    for waiter in order.waiters:
        if not waiter.done():
            waiter.set_exception(error)
            waiter.exception()  # whoever waits gets it; nobody else need hear of it
