"""Which stack a press belongs to, and what kind of press is refused."""

from __future__ import annotations

from duologue.dialogs._chat._address import OWN_SCOPE, Payload
from duologue.dialogs._chat._chat import ChatType
from duologue.dialogs._chat._updates import Callback
from duologue.dialogs._state._turn import Turn
from duologue.errors import ClickRefusedError, ForgedClickError, OutdatedClickError


def pressed(turn: Turn, callback: Callback, payload: Payload) -> tuple[str, str]:
    """Make sure that a button is on the screen.

    Returns:
        Its stack, and its widget and item.

    Raises:
        OutdatedClickError: Its dialog or its message is gone.
        ForgedClickError: The message does not show it.
    """
    context = turn.snapshot.context(payload.intent)
    if context is None:
        raise OutdatedClickError(turn.address.key)
    stack = turn.snapshot.stack(context.stack_id)
    screen, message_id = stack.screen, callback.message_id
    if message_id is None and screen.message_id is not None:
        screen.digest = ""  # the message is gone: whatever is drawn is news
    data = screen.pressed(message_id, payload.intent, payload.data)
    if data is None:
        if message_id in (None, screen.message_id):
            raise ForgedClickError(turn.address.key)
        raise OutdatedClickError(turn.address.key)
    if stack.last_intent_id() != payload.intent:
        raise OutdatedClickError(turn.address.key)
    if message_id is not None and message_id != screen.message_id:
        known = screen.message_id
        is_newer = known is not None and turn.bot.is_newer(message_id, known)
        revision = screen.adopt(
            message_id, payload.intent, payload.data, is_newer=is_newer
        )
        if revision is not None:
            turn.adopted = stack.id, revision, message_id
    return stack.id, data


def why_refused(
    turn: Turn, callback: Callback, payload: Payload, error: ClickRefusedError
) -> str | None:
    """Tell what kind of press was refused.

    Returns:
        `again`: one more press on what was pressed last; `foreign`: perhaps a button of
        another member of the group; `stale`: its message shows no open dialog; None:
        nothing of this.
    """
    message_id = callback.message_id
    if turn.pressed is not None and turn.pressed[0] == message_id:
        is_forged = isinstance(error, ForgedClickError)
        if not is_forged or turn.pressed[1] == callback.payload:
            return "again"
    if turn.snapshot.context(payload.intent) is None:
        is_own = payload.scope == OWN_SCOPE
        if is_own and callback.chat.type is not ChatType.PRIVATE:
            return "foreign"
    stacks = turn.snapshot.stacks.values()
    screens = [stack.screen for stack in stacks if stack.intents]
    if any(screen.message_id == message_id or screen.pending for screen in screens):
        return None
    return "stale"
