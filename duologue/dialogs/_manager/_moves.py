"""What starting a dialog does to those that are open, and which window lies beside which."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from duologue.dialogs._chat._address import new_id
from duologue.dialogs._state._modes import LaunchMode, StartMode
from duologue.dialogs._state._stack import MAX_DEPTH, MAX_STACKS, Context, Stack
from duologue.dialogs._state._states import State
from duologue.dialogs._state._turn import Turn
from duologue.errors import (
    DialogStackOverflowError,
    LaunchModeError,
    WrongStateError,
)


def make_way(
    turn: Turn,
    stack: Stack,
    state: State,
    launch_mode: LaunchMode,
    mode: StartMode,
    *,
    is_exclusive: Callable[[State], bool],
) -> Stack:
    """Prepare the stacks of an address for a dialog that is about to open.

    Args:
        turn: The turn.
        stack: The current stack.
        state: The first window of the dialog.
        launch_mode: What the dialog does to others.
        mode: In which stack it opens.
        is_exclusive: Tells whether the dialog of a state allows none above it.

    Returns:
        The stack that it opens in.

    Raises:
        LaunchModeError: The open dialog allows none above it.
        DialogStackOverflowError: Too many are open already.
    """
    if mode is StartMode.NEW_STACK:
        _check_room(turn, len(turn.snapshot.stacks), MAX_STACKS)
        return turn.snapshot.stack(new_id())
    top = turn.snapshot.top(stack)
    if mode is StartMode.RESET_STACK or launch_mode is LaunchMode.ROOT:
        clear(turn, stack)
    elif top is not None and is_exclusive(top.state):
        raise LaunchModeError(state.state)
    elif launch_mode is LaunchMode.EXCLUSIVE:
        clear(turn, stack)
    elif launch_mode is LaunchMode.SINGLE_TOP and _is_same(top, state):
        turn.snapshot.drop(stack.intents[-1], stack)
    _check_room(turn, len(stack.intents), MAX_DEPTH)
    return stack


def clear(turn: Turn, stack: Stack) -> None:
    """Close all dialogs of a stack without asking them."""
    for intent_id in reversed(stack.intents.copy()):
        turn.snapshot.drop(intent_id, stack)


def neighbour(states: Sequence[State], state: State, distance: int) -> State:
    """The window before or after another of its dialog.

    Args:
        states: The windows of the dialog, in their order.
        state: The window.
        distance: 1 for the one after it, -1 for the one before.

    Raises:
        WrongStateError: There is none.
    """
    index = states.index(state) + distance
    if not 0 <= index < len(states):
        raise WrongStateError(
            "the next window" if distance > 0 else "the window before",
            f"{state.state} is the {'last' if distance > 0 else 'first'} one",
        )
    return states[index]


def _is_same(top: Context | None, state: State) -> bool:
    return top is not None and top.state.group is state.group


def _check_room(turn: Turn, used: int, limit: int) -> None:
    if used >= limit:
        raise DialogStackOverflowError(turn.address.key, limit)
