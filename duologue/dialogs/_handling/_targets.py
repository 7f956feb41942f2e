"""Which stack a reply or a text means, and whether the dialog of a call is still there."""

from __future__ import annotations

from duologue.dialogs._chat._address import parse_payload
from duologue.dialogs._chat._chat import CallbackButton
from duologue.dialogs._chat._message import Message
from duologue.dialogs._chat._updates import MessageCreated
from duologue.dialogs._delivery._receipts import MOVED_ON
from duologue.dialogs._description._dispatcher import Dispatcher
from duologue.dialogs._manager._manager import DialogManager
from duologue.dialogs._state._commands import CloseDialog, DialogCommand
from duologue.dialogs._state._modes import DEFAULT_STACK_ID
from duologue.dialogs._state._turn import Turn
from duologue.errors import DialogCoveredError


def answered_stack(turn: Turn, answered: Message | None) -> str | None:
    """The stack whose message a reply answers; None if it answers none of them."""
    if answered is None:
        return None
    for stack in turn.snapshot.stacks.values():
        if stack.screen.message_id == answered.id:
            return stack.id
    for row in answered.keyboard:  # it may be so new that its id is not known yet
        for button in row:
            if isinstance(button, CallbackButton):
                payload = parse_payload(button.payload)
                context = payload and turn.snapshot.context(payload.intent)
                if context:
                    return context.stack_id
    return None


def listening_stack(
    turn: Turn, message: MessageCreated, dispatcher: Dispatcher
) -> str | None:
    """The stack of the only dialog that takes a message, if not the default one."""
    listening: list[str] = []
    for stack in turn.snapshot.stacks.values():
        context = turn.snapshot.top(stack)
        if context is None:
            continue
        window = dispatcher.dialog_of(context.state).windows[context.state]
        if window.takes(message):
            listening.append(stack.id)
    if DEFAULT_STACK_ID in listening or len(listening) != 1:
        return None
    return listening[0]


def check_target(turn: Turn, manager: DialogManager, command: DialogCommand) -> None:
    """Make sure that the dialog of a background call can still be worked on.

    Raises:
        NoContextError: None is open.
        DialogClosedError: It is closed.
        DialogCoveredError: It is to be closed, and another one lies on top of it.
    """
    try:
        manager.current_context()
        if isinstance(command, CloseDialog) and manager.is_covered():
            raise DialogCoveredError(turn.address.key)
    except MOVED_ON as error:
        turn.moot = error
        raise
