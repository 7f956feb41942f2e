"""What a commit lets out: messages, drawings, answers, tasks."""

from __future__ import annotations

from collections.abc import Mapping

from duologue.dialogs._chat._address import bot_key
from duologue.dialogs._chat._ports import Bot
from duologue.dialogs._chat._sent import Sent
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._delivery._tasks import Tasks
from duologue.dialogs._screen._callbacks import Callbacks
from duologue.dialogs._screen._presenter import Presenter
from duologue.dialogs._screen._screens import Order
from duologue.dialogs._state._commands import Command, Delivered, Drawn, HandleUpdate
from duologue.dialogs._state._modes import DEFAULT_STACK_ID, ShowMode
from duologue.dialogs._state._turn import Draw, Turn
from duologue.dialogs._turns._dialog_actors import DialogActor
from duologue.dialogs._turns._failed_turns import OnError
from duologue.errors import UnknownBotError


class Release:
    """Lets out what commits have made real, in the order in which it was asked for.

    Args:
        presenter: Draws and sends.
        callbacks: Answers presses.
        effects: Owns the short work that commits cause.
        jobs: Owns the tasks that authors start.
        bots: The bots by `messenger.id`.
        on_error: Told of errors that nobody awaits, and where they happened.
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
    ) -> None:
        self._presenter = presenter
        self._callbacks = callbacks
        self._effects = effects
        self._jobs = jobs
        self._bots = bots
        self._on_error = on_error

    def let_out(self, actor: DialogActor, turn: Turn, command: Command) -> Order | None:
        """Let out what the commit of a turn has made real.

        Returns:
            What tells when it is on the screen, if anything is drawn.
        """
        view: Order | None = None
        answered: str | None = None
        callback = turn.callback
        if turn.outgoing:
            self._send_out(actor, turn)
        for draw in turn.draws:
            if callback is not None and _can_answer(turn, callback, draw):
                answered = draw.callback_id = callback.callback_id
                draw.pressed_id = draw.message_id
                draw.notification = turn.answers.get(answered)
            view = self._presenter.show(actor.screens, turn.address, turn.bot, draw)
        for callback_id, text in turn.answers.items():
            if callback_id != answered:
                chat_id = turn.address.chat_id
                self._callbacks.reply(turn.bot, chat_id, callback_id, text)
        if callback is not None and callback.callback_id != answered:
            self._callbacks.finish(callback.callback_id)
        if turn.effects or turn.jobs or actor.key in self._jobs.bound:
            self._begin_and_end_tasks(actor, turn)
        if isinstance(command, Drawn):
            self._presenter.confirmed(actor.screens, command.stack_id)
        elif view is None and not isinstance(command, HandleUpdate | Delivered):
            view = self._presenter.in_flight(actor.screens, command.stack_id)
        return view

    def _send_out(self, actor: DialogActor, turn: Turn) -> None:
        """Let out what handlers send, behind what waits in the same chat."""
        own = bot_key(turn.bot)
        for outgoing in turn.outgoing:
            name = outgoing.bot_key or own
            bot = self._bots.get(name)
            if bot is None:
                error = UnknownBotError(name, tuple(self._bots))
                self._on_error(error, actor.key)
                continue
            queue, message_id = f"{name}:{outgoing.chat_id}", None
            if (name, outgoing.chat_id) == (own, turn.address.chat_id):
                queue = DEFAULT_STACK_ID
                message_id = _shown(turn, queue)
            draw = Draw(queue, 0, None, ShowMode.SEND, message_id, confirm=False)
            draw.outgoing = outgoing
            order = self._presenter.show(actor.screens, turn.address, bot, draw)
            if isinstance(outgoing.target, Sent) and outgoing.is_new:
                outgoing.target.leave(order.wait)

    def _begin_and_end_tasks(self, actor: DialogActor, turn: Turn) -> None:
        """Begin what follows the commit, and end tasks whose dialogs are closed."""
        for name, effect in turn.effects:
            self._effects.start(effect(), name)
        for begin in turn.jobs:
            begin()
        self._jobs.end_of_closed(actor.key, turn.snapshot.has)

    def confirmed(self, actor: DialogActor, stack_id: str) -> None:
        """Note that the state knows of a drawing now."""
        self._presenter.confirmed(actor.screens, stack_id)


def _shown(turn: Turn, stack_id: str) -> str | None:
    """The message that shows a stack when the first effect of a turn is let out."""
    for draw in turn.draws:
        if draw.stack_id == stack_id:
            return draw.message_id
    return turn.snapshot.stack(stack_id).screen.message_id


def _can_answer(turn: Turn, callback: Callback, draw: Draw) -> bool:
    """Tell whether a drawing may travel in the answer to the press that caused it."""
    return (
        draw.message_id is not None
        and callback.message_id == draw.message_id
        and draw.mode is ShowMode.EDIT
        and draw.view is not None
        and turn.bot.capabilities.answer_carries_view
    )
