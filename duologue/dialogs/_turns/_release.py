"""What a commit lets out: messages, drawings, answers, tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from duologue.actors import Owed
from duologue.dialogs._chat._address import Address, bot_key, screen_key
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._sent import Outgoing, Sent
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._owed import OwedAnswer, Owing
from duologue.dialogs._screen._presenter import Presenter
from duologue.dialogs._screen._screens import Order
from duologue.dialogs._state._commands import Command, DialogCommand, Drawn
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, ShowMode
from duologue.dialogs._state._turn import Debt, Draw, Turn
from duologue.dialogs._turns._dialog_actors import DialogActor
from duologue.dialogs._turns._failed_turns import OnError
from duologue.errors import OutcomeUnknownError, UnknownBotError

_NO_DEBTS: Mapping[str, Debt] = {}


class Plan:
    """What leaves with the commit of a turn.

    Attributes:
        draws: Views and messages, in their order, and who draws them.
        answered: The press that one of them answers.
        owed: What the engine is to keep of it until it is done.
        debts: What the answers pay that no drawing carries, by their presses.
        errors: What could not be planned.
        losses: How often its chat had been lost when it was to be committed.
    """

    __slots__ = ("answered", "debts", "draws", "errors", "losses", "owed")

    def __init__(self) -> None:
        self.draws: list[tuple[Bot, Draw]] = []
        self.answered: str | None = None
        self.owed: Sequence[Owed] = ()
        self.debts: Mapping[str, Debt] = _NO_DEBTS
        self.errors: Sequence[Exception] = ()
        self.losses: int = 0


class Release:
    """Lets out what commits have made real, in the order in which it was asked for.

    Args:
        presenter: Draws and sends.
        callbacks: Answers presses.
        effects: Owns the short work that commits cause.
        jobs: Owns the tasks that authors start.
        bots: The bots by `messenger.id`.
        on_error: Told of errors that nobody awaits, and where they happened.
        owing: Writes what is owed to screens; None if the engine forgets with the
            process.
        is_mine: Tells whether this process draws on a screen.
    """

    def __init__(
        self,
        presenter: Presenter,
        callbacks: Callbacks,
        *,
        effects: Tasks,
        jobs: Tasks,
        bots: Mapping[str, Bot],
        on_error: OnError,
        owing: Owing | None,
        is_mine: Callable[[str], bool],
    ) -> None:
        self._presenter = presenter
        self._callbacks = callbacks
        self._effects = effects
        self._jobs = jobs
        self._bots = bots
        self._on_error = on_error
        self.owing: Owing | None = owing
        self._is_mine = is_mine

    def plan(self, turn: Turn) -> Plan:
        """Decide what leaves with the commit of a turn."""
        plan = Plan()
        callback = turn.callback
        if turn.outgoing:
            self._plan_sending(turn, plan)
        for draw in turn.draws:
            if callback is not None and _can_answer(turn, callback, draw):
                plan.answered = draw.callback_id = callback.callback_id
                draw.pressed_id = draw.message_id
                draw.notification = turn.answers.get(callback.callback_id)
            plan.draws.append((turn.bot, draw))
        return plan

    def owe_answer(
        self, key: str, callback_id: str, text: str | None
    ) -> tuple[Sequence[Owed], Debt | None]:
        """Have the engine keep the answer to a press whose turn has changed nothing.

        Args:
            key: The address of the press.
            callback_id: The press.
            text: What the answer shows; None for nothing.

        Returns:
            What is owed, and what the answer pays; nothing on an engine that forgets.
        """
        if self.owing is None:
            return (), None
        address = Address.parse(key)
        screen = screen_key(address.bot, address.chat_id)
        owed, debt = self.owing.answer(key, screen, OwedAnswer(callback_id, text))
        return [owed], debt

    def let_out(
        self, actor: DialogActor, turn: Turn, plan: Plan, command: Command
    ) -> Order | None:
        """Let out what the commit of a turn has made real.

        Returns:
            What tells when it is on the screen, if anything is drawn.
        """
        view: Order | None = None
        for error in plan.errors:
            self._on_error(error, actor.key)
        if turn.adopted is not None:
            self._presenter.adopt(actor.screens, *turn.adopted)
        for bot, draw in plan.draws:
            if draw.outgoing is not None and self._is_elsewhere(bot, draw.outgoing):
                continue
            view = self._presenter.show(actor.screens, turn.address, bot, draw)
            if draw.outgoing is not None:
                _depart(draw.outgoing, view)
                view = None
        if turn.answers or turn.callback is not None:
            self._answer(turn, plan)
        if turn.effects or turn.jobs or actor.key in self._jobs.bound:
            self._begin_and_end_tasks(actor, turn)
        if isinstance(command, Drawn):
            self._presenter.confirmed(actor.screens, command.stack_id, command.revision)
        elif view is None and isinstance(command, DialogCommand):
            view = self._presenter.in_flight(actor.screens, command.stack_id)
        return view

    def let_out_elsewhere(
        self, actor: DialogActor, turn: Turn, plan: Plan
    ) -> Order | None:
        """Let out what the commit of a turn has made real outside of its chat.

        The chat was lost since the commit was asked for. What is owed there is of the
        process that has the chat now, and may have been drawn long ago.

        Returns:
            What tells whoever waits for a view that nobody here knows of it.
        """
        view: Order | None = None
        address = turn.address
        own = screen_key(address.bot, address.chat_id)
        for error in plan.errors:
            self._on_error(error, actor.key)
        for bot, draw in plan.draws:
            out = draw.outgoing
            if out is None or screen_key(bot_key(bot), out.chat_id) == own:
                order = Order(draw)
                order.finish(OutcomeUnknownError(actor.key))
            elif self._is_elsewhere(bot, out):
                continue
            else:
                order = self._presenter.show(actor.screens, address, bot, draw)
            if out is None:
                view = order
            else:
                _depart(out, order)
        self._begin_and_end_tasks(actor, turn)
        return view

    def _is_elsewhere(self, bot: Bot, outgoing: Outgoing) -> bool:
        """Whether the process that has the chat of a message draws it.

        It is owed there, and its handle learns of it only if it is kept in data.
        """
        screen = screen_key(bot_key(bot), outgoing.chat_id)
        if self._is_mine(screen):
            return False
        if isinstance(outgoing.target, Sent) and outgoing.is_new:
            outgoing.target.leave(partial(_never_known, screen))
        return True

    def _answer(self, turn: Turn, plan: Plan) -> None:
        """Let out the answers to presses that no drawing carries."""
        for callback_id, text in turn.answers.items():
            if callback_id != plan.answered:
                chat_id, debt = turn.address.chat_id, plan.debts.get(callback_id)
                self._callbacks.reply(turn.bot, chat_id, callback_id, text, debt)
        callback = turn.callback
        if callback is not None and callback.callback_id != plan.answered:
            press = callback.callback_id
            debt = None if press in turn.answers else plan.debts.get(press)
            self._callbacks.finish(press, None, debt)

    def _plan_sending(self, turn: Turn, plan: Plan) -> None:
        """Plan what handlers send, behind what waits in the same chat."""
        own = bot_key(turn.bot)
        for outgoing in turn.outgoing:
            name = outgoing.bot_key or own
            bot = self._bots.get(name)
            if bot is None:
                error = UnknownBotError(name, tuple(self._bots))
                plan.errors = [*plan.errors, error]
                continue
            queue, message_id, known = f"{name}:{outgoing.chat_id}", None, 0
            if (name, outgoing.chat_id) == (own, turn.address.chat_id):
                queue = DEFAULT_STACK_ID
                message_id, known = _shown(turn, queue)
            draw = Draw(queue, 0, None, ShowMode.SEND, message_id, confirm=False)
            draw.outgoing, draw.known, draw.cause = outgoing, known, turn.cause
            plan.draws.append((bot, draw))

    def owe(self, owing: Owing, turn: Turn, plan: Plan) -> None:
        """Have the engine keep what leaves until it has been done.

        The state is written before it: that tells which handles of messages are kept in
        data, so that whoever sends these lets the state know their ids.
        """
        key, callback = turn.address.key, turn.callback
        owed: list[Owed] = []
        debts: dict[str, Debt] = {}
        plan.owed, plan.debts = owed, debts
        own = screen_key(turn.address.bot, turn.address.chat_id)
        for bot, draw in plan.draws:
            out = draw.outgoing
            screen = own if out is None else screen_key(bot_key(bot), out.chat_id)
            owed.append(owing.draw(key, screen, draw))
        answers = dict(turn.answers)
        if callback is not None:
            answers.setdefault(callback.callback_id, None)
        for callback_id, text in answers.items():
            if callback_id != plan.answered:
                answer = OwedAnswer(callback_id, text)
                one, debts[callback_id] = owing.answer(key, own, answer)
                owed.append(one)

    def _begin_and_end_tasks(self, actor: DialogActor, turn: Turn) -> None:
        """Begin what follows the commit, and end tasks whose dialogs are closed."""
        for name, effect in turn.effects:
            self._effects.start(effect(), name)
        for begin in turn.jobs:
            begin()
        self._jobs.end_of_closed(actor.key, turn.snapshot.has)

    def confirmed(self, actor: DialogActor, drawn: Drawn) -> None:
        """Note that the state knows of a drawing now."""
        self._presenter.confirmed(actor.screens, drawn.stack_id, drawn.revision)


async def _never_known(screen: str) -> None:
    """Another process sends it, and does not say when.

    Raises:
        OutcomeUnknownError: Always.
    """
    raise OutcomeUnknownError(screen)


def _shown(turn: Turn, stack_id: str) -> tuple[str | None, int]:
    """The message that shows a stack when a turn is let out, and the drawing known."""
    for draw in turn.draws:
        if draw.stack_id == stack_id:
            return draw.message_id, draw.known
    screen = turn.snapshot.stack(stack_id).screen
    return screen.message_id, screen.known


def _depart(outgoing: Outgoing, order: Order) -> None:
    """Let the handle of a message know that it leaves."""
    if isinstance(outgoing.target, Sent) and outgoing.is_new:
        outgoing.target.leave(order.wait)


def _can_answer(turn: Turn, callback: Callback, draw: Draw) -> bool:
    """Tell whether a drawing may travel in the answer to the press that caused it."""
    return (
        draw.message_id is not None
        and callback.message_id == draw.message_id
        and draw.mode is ShowMode.EDIT
        and draw.view is not None
        and turn.bot.capabilities.answer_carries_view
    )
