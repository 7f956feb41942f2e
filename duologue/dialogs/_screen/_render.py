"""From rendered widgets to a view, and from a view to what must be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from duologue.dialogs._chat._calls import Capabilities
from duologue.dialogs._chat._chat import InlineButton, View
from duologue.dialogs._screen._keyboards import (
    AddressedKeyboard,
    FixedKeyboards,
    address_keyboard,
)
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._snapshot import digest
from duologue.dialogs._state._stack import Context, Keys, KnownScreen, Stack
from duologue.dialogs._state._turn import Draw, Turn, effective_mode
from duologue.errors import ViewError

# A conversation has few dialogs open; what was cached for others is of no use.
_MAX_FIXED = 16


@dataclass(slots=True)
class Rendered:
    """What the widgets of a window made.

    Attributes:
        text: The text.
        rows: The buttons; payloads are without scope and dialog.
        markup: `"html"`, `"markdown"` or None.
        show_link_preview: Whether links may be expanded.
        is_fixed: Whether the buttons of this window are always the same.
    """

    text: str
    rows: Sequence[Sequence[InlineButton]]
    markup: str | None
    show_link_preview: bool
    is_fixed: bool = False


def check_text(text: str, state: str, limits: Capabilities) -> None:
    """Refuse a text that no messenger takes.

    Raises:
        ViewError: It is empty or too long.
    """
    if len(text) > limits.text_limit:
        raise ViewError(
            state,
            f"its text has {len(text)} characters, {limits.text_limit} are "
            "allowed; shorten it or split it into pages",
        )
    if not text or text.isspace():
        raise ViewError(state, "its text is empty; messengers refuse that")


def addressed(
    rendered: Rendered,
    state: str,
    prefix: str,
    limits: Capabilities,
    fixed: FixedKeyboards,
) -> AddressedKeyboard:
    """Address the buttons of a window to their dialog.

    Those of a window that always has the same are addressed and checked once.

    Raises:
        ViewError: Something is too large.
    """
    if not rendered.is_fixed:
        return address_keyboard(state, rendered.rows, prefix, limits)
    key = (prefix, state)
    found = fixed.get(key)
    if found is None:
        found = address_keyboard(state, rendered.rows, prefix, limits)
        if len(fixed) >= _MAX_FIXED:
            fixed.clear()
        fixed[key] = found
    return found


def plan_window(
    turn: Turn,
    stack: Stack,
    context: Context,
    rendered: Rendered,
    mode: ShowMode | None,
    *,
    is_private: bool,
) -> Draw | None:
    """Check what a window has rendered, and decide what has to be sent of it.

    Args:
        turn: The turn that rendered it.
        stack: Where it lies.
        context: Its dialog.
        rendered: What it rendered.
        mode: How the author wants it to appear; None if that was not said.
        is_private: Whether the chat has one user only.

    Returns:
        What to draw; None if the screen stays as it is.

    Raises:
        ViewError: No messenger would take it.
    """
    limits, state = turn.bot.capabilities, context.state.state
    check_text(rendered.text, state, limits)
    prefix = f"{turn.address.scope}{context.id}:"
    keyboard = addressed(rendered, state, prefix, limits, turn.keyboards)
    chosen = effective_mode(
        turn, mode, is_default_stack=stack.default(), is_private=is_private
    )
    draw = plan_draw(turn, stack, rendered, keyboard, chosen)
    if draw is not None:
        draw.is_asked = chosen is mode
        draw.intent_id, draw.state, draw.cause = context.id, context.state, turn.cause
        draw.before = turn.snapshot.before.get(context.id)
    return draw


def plan_draw(
    turn: Turn,
    stack: Stack,
    rendered: Rendered,
    keyboard: AddressedKeyboard,
    mode: ShowMode,
) -> Draw | None:
    """Decide what has to be sent so that the user sees a window.

    Notes in the state of the stack which buttons can be pressed from now on.

    Returns:
        What to draw; None if the screen stays as it is.
    """
    if mode is ShowMode.NO_UPDATE:
        return None
    screen = stack.screen
    is_first = screen.message_id is None and not screen.pending
    if is_first and mode is ShowMode.EDIT:
        mode = ShowMode.SEND
    # The keyboard is one line, so what comes where is never in doubt.
    look = digest(
        f"{rendered.markup}\n{rendered.show_link_preview}\n{keyboard.written}\n"
        f"{rendered.text}"
    )
    if mode is ShowMode.EDIT and look == screen.digest:
        return None
    screen.digest = look
    revision = turn.snapshot.version + 1
    known = screen.known
    keys = Keys(revision, stack.last_intent_id() or "", keyboard.items)
    strip = screen.has_buttons
    confirm = screen.expect(keys, new_message=mode is not ShowMode.EDIT)
    view = View(
        rendered.text,
        keyboard.keyboard,
        rendered.markup,
        rendered.show_link_preview,
        turn.address.user_id is None,
    )
    return Draw(
        stack.id,
        revision,
        view,
        mode,
        screen.message_id,
        confirm,
        strip,
        known=known,
    )


def plan_close(turn: Turn, stack: Stack) -> Draw | None:
    """Decide what has to be sent when the last dialog of a stack is closed.

    Returns:
        An order to take away the buttons; None if there is no message.
    """
    screen = stack.screen
    stack.screen = KnownScreen()
    if screen.message_id is None and not screen.pending:
        return None
    revision = turn.snapshot.version + 1
    return Draw(
        stack.id,
        revision,
        None,
        ShowMode.EDIT,
        screen.message_id,
        confirm=False,
        known=screen.known,
    )


def add_draw(turn: Turn, draw: Draw | None) -> None:
    """Have a stack drawn after the commit; once a turn, whatever came before."""
    if draw is None:
        return
    for earlier in turn.draws:
        if earlier.stack_id == draw.stack_id and earlier.view is not None:
            turn.draws.remove(earlier)
            if draw.mode is ShowMode.EDIT and draw.view is not None:
                draw = replace(draw, mode=earlier.mode, is_asked=earlier.is_asked)
            draw.confirm = draw.confirm or earlier.confirm
            break
    turn.draws.append(draw)
