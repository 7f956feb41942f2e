"""The presenter: from commits to screens, at the pace the messenger allows.

A view of an idle screen goes from its commit to the messenger in one coroutine, which
begins at once. Only what comes while a request is in flight, or must wait for the limits,
is queued: there a newer edit takes the place of one that waits, and so does a new message
that nobody asked for, so a burst ends with its last view; a new message that the author
asked for waits behind all before it. The right to a call comes first,
the newest view second. What fails for a reason that may pass goes back to the front of
its queue, unless something newer stands there.

All of this assumes that the views of one stack come from one dialog actor, in the order
of their commits, and that the state hears of new messages by `Drawn`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from duologue.actors import Clock, Observer
from duologue.dialogs._chat._address import Address
from duologue.dialogs._chat._calls import CallKind
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._confirmations import (
    Confirm,
    Confirmations,
    drawing_of,
    refusal_of,
)
from duologue.dialogs._screen._drawing import PASSING, Drawing
from duologue.dialogs._screen._rows import Row, row_name
from duologue.dialogs._screen._screens import Order, Screen, Screens
from duologue.dialogs._state._modes import DEFAULT_STACK_ID
from duologue.dialogs._state._turn import Draw
from duologue.errors import (
    MessengerError,
    MessengerUnavailableError,
    OutcomeUnknownError,
    RateLimitedError,
    RuntimeStoppedError,
    UnexpectedAnswerError,
    ViewDroppedError,
)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_MAX_WAITING = 1000  # new messages of one stack; edits take the place of edits
_logger = logging.getLogger("duologue.presenter")


class Presenter:
    """Draws what turns have committed.

    Args:
        tasks: Owns the drawing.
        callbacks: The presses that drawings may answer.
        confirm: Tells an address that something is drawn, or was refused, and the engine
            what is not owed any more.
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
        self._confirmations = Confirmations(tasks, confirm)
        self._clock = clock
        self._observer = observer
        self._drawing = Drawing(callbacks, observer)
        self._busy: set[Screen] = set()
        self._is_stopped = False

    def __len__(self) -> int:
        return len(self._busy)

    def show(self, screens: Screens, address: Address, bot: Bot, draw: Draw) -> Order:
        """Take over a view.

        Args:
            screens: Those of its conversation.
            address: The conversation.
            bot: Who draws it.
            draw: The view.

        Returns:
            What tells when it, or a newer view of the stack, is drawn.
        """
        if self._is_stopped:
            order = Order(draw)
            order.finish(RuntimeStoppedError())
            return order
        screen = screens.get(draw.stack_id)
        if screen is None:
            out = draw.outgoing
            chat_id = address.chat_id if out is None else out.chat_id
            screen = Screen(address, bot, draw.stack_id, chat_id)
            screens[draw.stack_id] = screen
        if screen.current is None and not (screen.orders or screen.unconfirmed):
            # Buttons may still be taken off others; another process may have drawn since.
            screen.message_id, screen.shown = draw.message_id, draw.before
            if self._confirmations.rows:
                self._confirmations.recall(screen, draw.known)
            self._busy.add(screen)
        order = self._place(screen, draw)
        if not screen.is_running:
            self._begin(screens, screen)
        return order

    def recover(
        self, screens: Screens, address: Address, bot: Bot, draw: Draw, row: Row
    ) -> None:
        """Take over a view that a process before this one owed.

        Args:
            screens: Those of its conversation.
            address: The conversation.
            bot: Who draws it.
            draw: The view.
            row: What the process before noted of the chat.
        """
        name = row_name(address.key, draw.stack_id)
        self._drawing.know(row.tokens(name))
        self.show(screens, address, bot, draw)
        screens[draw.stack_id].has_row = True

    def remember(self, screen_key: str, row: Row) -> None:
        """Take over what the process before noted of a chat.

        The turns that are to tell the states of it may stand behind others.
        """
        self._confirmations.rows[screen_key] = row

    def adopt(self, screens: Screens, stack_id: str, revision: int, shown: str) -> None:
        """Take a message that the user pressed for one that was to be sent.

        It was sent by a process that ended before it could note that, or by this one,
        which did not hear of it.

        Args:
            screens: Those of its conversation.
            stack_id: The stack that the message shows.
            revision: The drawing that it shows.
            shown: The message.
        """
        screen = screens.get(stack_id)
        if screen is None:
            return
        for order in screen.adopt(revision, shown):
            self._drawing.reply(screen, order.draw)
            self._confirmations.pay(screen, order.debts)
            order.finish()
        if screen.strips and not screen.is_running:
            self._begin(screens, screen)

    def in_flight(self, screens: Screens, stack_id: str) -> Order | None:
        """What tells when the views of a stack that wait now are drawn."""
        screen = screens.get(stack_id)
        if screen is None:
            return None
        return screen.orders[-1] if screen.orders else screen.current

    def confirmed(self, screens: Screens, stack_id: str, revision: int) -> None:
        """Note that the state knows of a drawing now.

        It may be one that the process before has made.
        """
        screen = screens.get(stack_id)
        if screen is not None and revision in screen.unconfirmed:
            screen.unconfirmed.remove(revision)
            self._rest(screens, screen)

    def leave(self, screen_key: str, all_screens: Iterable[Screens]) -> None:
        """Draw no more what waits for a chat: another process does.

        Args:
            screen_key: The key of its screen.
            all_screens: Those of its conversations.
        """
        self._confirmations.rows.pop(screen_key, None)
        for screens in all_screens:
            for name, screen in list(screens.items()):
                if screen.key != screen_key:
                    continue  # what goes to other chats is still owed by this process
                screen.is_left = True
                for order in screen.orders:
                    order.finish(OutcomeUnknownError(screen.address.key))
                screen.orders.clear()
                screen.strips.clear()
                screen.unconfirmed.clear()
                if screen.current is None:
                    self._busy.discard(screen)
                del screens[name]

    def stop(self) -> None:
        """Forget what has not been drawn; those who wait get an error."""
        self._is_stopped = True
        for screen in self._busy:
            for order in screen.orders:
                order.finish(RuntimeStoppedError())
            if screen.current is not None:
                screen.current.finish(RuntimeStoppedError())
        self._busy.clear()

    def _place(self, screen: Screen, draw: Draw) -> Order:
        order = Order(draw)
        if not screen.orders:
            screen.orders.append(order)
            return order
        newest = screen.orders[-1]
        if not newest.gives_way_to(order):
            self._drop_oldest(screen)
            screen.orders.append(order)
            return order
        self._count(screen, "replaced")
        self._replace(screen, newest, order)
        return newest

    def _drop_oldest(self, screen: Screen) -> None:
        """Keep the number of waiting views bounded; the newest ones matter most."""
        if len(screen.orders) < _MAX_WAITING:
            return
        oldest = screen.orders.popleft()
        self._count(screen, "dropped")
        oldest.finish(ViewDroppedError(screen.address.key, _MAX_WAITING))
        self._confirmations.pay(screen, oldest.debts)

    def _replace(self, screen: Screen, waiting: Order, newer: Order) -> None:
        """Put a newer view in the place of one that has not been sent."""
        old, new = waiting.draw, newer.draw
        replaced = waiting.debts
        new.confirm = new.confirm or old.confirm
        new.strip = old.strip  # what is left behind is what was before both
        if old.callback_id is not None and not waiting.is_answering:
            if new.callback_id is None:
                _hand_over(old, new)
                newer.debts[:0], replaced = replaced, []  # it owes the answer too
            else:
                self._drawing.reply(screen, old)
        elif waiting.is_answering:
            self._drawing.reply(screen, new)
            _hand_over(old, new)
            newer.is_answering = True
            newer.debts[:0], replaced = replaced, []
        waiting.draw, waiting.debts = new, newer.debts
        waiting.is_answering = newer.is_answering
        if replaced:
            self._confirmations.pay(screen, replaced)

    def _begin(self, screens: Screens, screen: Screen) -> None:
        screen.is_running = True
        self._tasks.start(self._run(screens, screen), screen.name, at_once=True)

    async def _run(self, screens: Screens, screen: Screen) -> None:
        try:
            await self._work_off(screen)
        except Exception as error:
            # A bot with a bug. The owner of the task reports it; the rest goes on.
            self._give_up(screen, error)
            self._begin(screens, screen)
            raise
        screen.is_running = False
        self._rest(screens, screen)

    async def _work_off(self, screen: Screen) -> None:
        pause = _FIRST_PAUSE
        while screen.orders or screen.strips:
            # The right to a call comes first, the newest view second.
            orders = screen.orders
            kind = self._drawing.first_kind(screen, orders[0]) if orders else "edit"
            if not screen.bot.ready_now(screen.chat_id, kind):
                await screen.bot.ready(screen.chat_id, kind)
                if self._next_kind(screen) != kind:
                    continue  # what came meanwhile needs another right
            if not screen.orders:
                if screen.strips:
                    await self._strip(screen)
                continue
            screen.current = screen.orders.popleft()
            if await self._perform(screen, screen.current):
                screen.current = None
                pause = _FIRST_PAUSE
                continue
            if screen.is_left:
                screen.current.finish(OutcomeUnknownError(screen.address.key))
                screen.current = None
                return
            self._put_back(screen, screen.current)
            screen.current = None
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _next_kind(self, screen: Screen) -> CallKind:
        orders = screen.orders
        return self._drawing.first_kind(screen, orders[0]) if orders else "edit"

    async def _strip(self, screen: Screen) -> None:
        message_id = screen.strips[-1]
        try:
            await self._drawing.strip(screen, message_id)
        except PASSING:
            await self._clock.sleep(_FIRST_PAUSE)
        else:
            if message_id in screen.strips:
                screen.strips.remove(message_id)

    async def _perform(self, screen: Screen, order: Order) -> bool:
        """Make one attempt to draw; tell whether the order is done with."""
        previous, was_tried = screen.message_id, order.is_tried
        order.is_tried = True
        try:
            await self._drawing.draw(screen, order)
        except RateLimitedError as error:
            self._count(screen, "limited")
            order.is_tried = was_tried  # it has surely not arrived
            _logger.info("%s", error)
            return False
        except (MessengerUnavailableError, UnexpectedAnswerError) as error:
            self._count(screen, "unavailable")
            _logger.info("%s", error)
            return False
        except MessengerError as error:
            self._count(screen, "refused")
            self._drawing.give_back(screen, order)
            order.finish(error)
            news = refusal_of(screen, order, error)
            await self._confirmations.tell(screen, order, news)
            return True
        self._count(screen, "drawn")
        screen.shown = order.draw.state
        draw = order.draw
        # An edit of the message that the state knows is no news.
        is_news = draw.confirm or screen.message_id != previous
        if is_news or order.debts or draw.outgoing is not None:
            news = drawing_of(screen, draw, previous, is_drawn=is_news)
            await self._confirmations.tell(screen, order, news)
        order.finish()
        return True

    def _give_up(self, screen: Screen, error: Exception) -> None:
        """Drop what was being done, or would be done next."""
        order, screen.current = screen.current, None
        if order is None and screen.orders:
            order = screen.orders.popleft()
        if order is not None:
            order.finish(error)
            self._confirmations.pay(screen, order.debts)
        elif screen.strips:
            screen.strips.pop()

    def _put_back(self, screen: Screen, order: Order) -> None:
        following = screen.orders[0] if screen.orders else None
        if following is None or not order.gives_way_to(following):
            screen.orders.appendleft(order)
            return
        self._count(screen, "replaced")
        newer = Order(following.draw)
        newer.debts = following.debts
        self._replace(screen, order, newer)
        following.draw, following.debts = order.draw, order.debts
        following.is_answering = order.is_answering
        order.merge_into(following)

    def _count(self, screen: Screen, outcome: str) -> None:
        self._observer.count("draws", bot=screen.address.bot, outcome=outcome)

    def _rest(self, screens: Screens, screen: Screen) -> None:
        if screen.is_left:
            self._busy.discard(screen)  # in its place may stand another one by now
        elif not screen.is_busy:
            self._busy.discard(screen)
            if screen.has_row:
                self._confirmations.rest(screens, screen)
            # The other stacks have names that never come again.
            if screen.stack_id != DEFAULT_STACK_ID:
                screens.pop(screen.stack_id, None)


def _hand_over(old: Draw, new: Draw) -> None:
    """Let a newer drawing answer the press that an older one was to answer."""
    new.callback_id, new.pressed_id = old.callback_id, old.pressed_id
    new.notification, new.press_debt = old.notification, old.press_debt
