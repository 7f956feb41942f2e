"""What the messenger refused after its turn was committed: views, and messages.

Error handlers hear of both. A message that a handler sends has no state. Of a view, state and screen must not part for good: error handlers hear of the refusal, and where
none of them shows something else, the state goes back to the window on the screen.
"""

from __future__ import annotations

from collections.abc import Callable

from duologue import errors
from duologue.dialogs._state._commands import Refusal, ViewRefused
from duologue.dialogs._state._stack import Context, Stack
from duologue.dialogs._state._states import State
from duologue.dialogs._state._turn import Turn
from duologue.errors import MessageRefusedError, MessengerError, ViewRefusedError


def refusal_of(key: str, refused: Refusal) -> ViewRefusedError | MessageRefusedError:
    """Make the error that tells of it, with that of the messenger as its cause."""
    cause = _cause_of(refused)
    error: ViewRefusedError | MessageRefusedError
    if isinstance(refused, ViewRefused):
        error = ViewRefusedError(key, refused.state, str(cause))
    else:
        error = MessageRefusedError(key, refused.chat_id, refused.call, str(cause))
    error.__cause__ = cause
    return error


def _cause_of(refused: Refusal) -> MessengerError:
    name, *args = refused.error
    kind: object = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MessengerError):
        return kind(*args)
    return MessengerError(name, str(args))


def step_back(
    turn: Turn, refused: ViewRefused, state_by_name: Callable[[str], State]
) -> None:
    """Bring the state back to the window that the user sees.

    Nothing happens if the dialog has moved on, is being drawn anew, or was never seen.
    """
    stack = turn.snapshot.stacks.get(refused.stack_id)
    top = None if stack is None else turn.snapshot.top(stack)
    if stack is None or top is None or not _is_apart(stack, top, refused):
        return
    drawn = stack.screen.drawn
    if drawn is None or drawn.intent not in stack.intents:
        return
    turn.is_changed = True
    while stack.intents[-1] != drawn.intent:
        turn.snapshot.drop(stack.intents[-1], stack)
    if drawn.intent == top.id and refused.shown is not None:
        top.state = state_by_name(refused.shown)


def _is_apart(stack: Stack, top: Context, refused: ViewRefused) -> bool:
    """Whether the window that was refused is still the one to be seen."""
    is_same = (top.id, top.state.state) == (refused.intent_id, refused.state)
    return is_same and not stack.screen.pending
