"""What answers texts and presses that belong to no open dialog."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

from duologue.dialogs._chat._chat import ChatType
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs._chat._ports import Update
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._handling._notices import Announcer, say, strip
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._modes import StartMode
from duologue.dialogs._state._states import State
from duologue.dialogs._state._turn import Turn
from duologue.dialogs.routing._injection import HandlerData, Injected

Stale: TypeAlias = State | Function | None
"""A window to start with, a handler `async (event, dialog_manager)`, or a notice."""


class StalePolicy:
    """Answers texts and presses that belong to no open dialog.

    This is what users do after a restart without state: they go on with what they see.

    Args:
        chosen: What the author wants.
        dispatcher: Its middlewares are around what answers.
        announcer: Says the notice, unless the author wants something else.

    Raises:
        UnknownStateError: No window has the state.
        HandlerError: The handler is not async, or takes no event.
    """

    def __init__(
        self, chosen: Stale, dispatcher: Dispatcher, announcer: Announcer
    ) -> None:
        self._root: State | None = None
        self._handler: Injected | None = None
        if isinstance(chosen, State):
            dispatcher.dialog_of(chosen)
            self._root = chosen
        elif chosen is not None:
            self._handler = Injected(chosen)
        self._dispatcher = dispatcher
        self._announcer = announcer

    async def answer_text(
        self, turn: Turn, update: Update, manager: DialogManager
    ) -> None:
        """Answer a text that nobody takes where nothing is open."""
        if update.chat.type is not ChatType.PRIVATE:
            return
        is_done = await self._act(turn, update, manager)
        if is_done or not self._dispatcher.has_dialogs:
            return
        text = self._announcer.texts(update).closed
        if text is not None:
            send = partial(say, turn.bot, update.chat_id, text)
            turn.effects.append(("notice", send))

    async def answer_press(
        self, turn: Turn, press: Callback, manager: DialogManager
    ) -> bool:
        """Answer a press whose dialog is gone; tell whether that is done."""
        if press.message_id is None and self._handler is None:
            return False  # where to begin anew is not known for sure
        is_done = await self._act(turn, press, manager)
        if is_done and press.message_id is not None:
            work = partial(strip, turn.bot, press.chat_id, press.message_id)
            turn.effects.append(("old buttons", work))
        return is_done

    async def _act(self, turn: Turn, update: Update, manager: DialogManager) -> bool:
        handler, root = self._handler, self._root

        async def act(event: Json, data: HandlerData) -> None:
            if handler is not None:
                await handler(event, data)
            elif root is not None:
                await manager.start(root, mode=StartMode.RESET_STACK)

        if handler is None and (root is None or _is_open(turn)):
            return False
        await self._dispatcher.handle_by(act, update, manager.middleware_data)
        turn.fate = "handled"
        return True


def _is_open(turn: Turn) -> bool:
    """Whether the user has any dialog open."""
    return any(stack.intents for stack in turn.snapshot.stacks.values())
