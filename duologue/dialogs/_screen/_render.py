"""From rendered widgets to a view, and from a view to what must be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from duologue.dialogs._chat._address import PAYLOAD_LIMIT, PREFIX_LENGTH
from duologue.dialogs._chat._chat import (
    CallbackButton,
    InlineButton,
    Keyboard,
    LinkButton,
    View,
)
from duologue.dialogs._chat._data import size
from duologue.dialogs._chat._ports import Capabilities
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._snapshot import view_digest
from duologue.dialogs._state._stack import Context, Keys, Screen, Stack
from duologue.dialogs._state._turn import Draw, Turn
from duologue.errors import PayloadTooLongError, ViewError


@dataclass(slots=True)
class Rendered:
    """What the widgets of a window made.

    Attributes:
        text: The text.
        rows: The buttons; payloads are without scope and dialog.
        markup: `"html"`, `"markdown"` or None.
        show_link_preview: Whether links may be expanded.
    """

    text: str
    rows: Sequence[Sequence[InlineButton]]
    markup: str | None
    show_link_preview: bool


def make_view(
    rendered: Rendered, context: Context, scope: str, limits: Capabilities
) -> View:
    """Address the buttons to their dialog and check the limits of the messenger.

    Raises:
        PayloadTooLongError: The payload of a button does not fit.
        ViewError: Something else is too large, or the text is empty.
    """
    state = context.state.state
    if not rendered.text.strip():
        raise ViewError(state, "its text is empty; messengers refuse that")
    if len(rendered.text) > limits.text_limit:
        raise ViewError(
            state,
            f"its text has {len(rendered.text)} characters, {limits.text_limit} are "
            "allowed; shorten it or split it into pages",
        )
    prefix = f"{scope}{context.id}:"
    keyboard = tuple(
        tuple(_addressed(button, prefix, limits) for button in row)
        for row in rendered.rows
    )
    _check_keyboard(state, keyboard, limits)
    return View(rendered.text, keyboard, rendered.markup, rendered.show_link_preview)


def plan_draw(turn: Turn, stack: Stack, view: View, mode: ShowMode) -> Draw | None:
    """Decide what has to be sent so that the user sees a view.

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
    digest = view_digest(
        view.text, view.markup, view.show_link_preview, _written(view.keyboard)
    )
    if mode is ShowMode.EDIT and digest == screen.digest:
        return None
    screen.digest = digest
    revision = turn.snapshot.version + 1
    keys = Keys(revision, stack.last_intent_id() or "", _items(view.keyboard))
    strip = screen.has_buttons
    confirm = screen.expect(keys, new_message=mode is not ShowMode.EDIT)
    return Draw(stack.id, revision, view, mode, screen.message_id, confirm, strip)


def plan_close(turn: Turn, stack: Stack) -> Draw | None:
    """Decide what has to be sent when the last dialog of a stack is closed.

    Returns:
        An order to take away the buttons; None if there is no message.
    """
    screen = stack.screen
    stack.screen = Screen()
    if screen.message_id is None and not screen.pending:
        return None
    revision = turn.snapshot.version + 1
    return Draw(
        stack.id, revision, None, ShowMode.EDIT, screen.message_id, confirm=False
    )


def add_draw(turn: Turn, draw: Draw) -> None:
    """Have a stack drawn after the commit; once a turn, whatever came before."""
    for earlier in turn.draws:
        if earlier.stack_id == draw.stack_id and earlier.view is not None:
            turn.draws.remove(earlier)
            if draw.mode is ShowMode.EDIT and draw.view is not None:
                draw = replace(draw, mode=earlier.mode)
            draw.confirm = draw.confirm or earlier.confirm
            break
    turn.draws.append(draw)


def _addressed(button: InlineButton, prefix: str, limits: Capabilities) -> InlineButton:
    if not isinstance(button, CallbackButton):
        return button
    payload = prefix + button.payload
    needed = size(payload)
    limit = min(PAYLOAD_LIMIT, limits.payload_limit)
    if needed > limit:
        raise PayloadTooLongError(
            button.payload.partition(":")[0],
            f"the payload {button.payload!r} needs {needed} bytes with its address, "
            f"{limit} are allowed; use shorter ids",
        )
    return CallbackButton(button.text, payload)


def _check_keyboard(state: str, keyboard: Keyboard, limits: Capabilities) -> None:
    buttons = [button for row in keyboard for button in row]
    label = max((len(button.text) for button in buttons), default=0)
    for found, limit, what, advice in (
        (len(keyboard), limits.max_rows, "rows of buttons", "show fewer at a time"),
        *_widths(keyboard, limits),
        (len(buttons), limits.max_buttons, "buttons", "show fewer at a time"),
        (label, limits.button_text_limit, "characters on a button", "shorten it"),
    ):
        if found > limit:
            problem = f"it has {found} {what}, {limit} are allowed; {advice}"
            raise ViewError(state, problem)
    if not all(button.text.strip() for button in buttons):
        raise ViewError(
            state,
            "a button has no text, and messengers refuse that; to hide it, hide it "
            "with when= of the button and not of its text",
        )


def _widths(
    keyboard: Keyboard, limits: Capabilities
) -> Sequence[tuple[int, int, str, str]]:
    """How many buttons the widest rows have, how many are allowed, and in words."""
    advice = "put them into a Group(width={}) or a Column"
    widest = max((len(row) for row in keyboard), default=0)
    most = limits.max_columns
    found = [(widest, most, "buttons in one row", advice.format(most))]
    fewer = limits.max_columns_with_link
    if fewer is not None and widest > fewer:
        with_link = [row for row in keyboard if _has_link(row)]
        widest = max((len(row) for row in with_link), default=0)
        found.append(
            (widest, fewer, "buttons in a row with a link", advice.format(fewer))
        )
    return found


def _has_link(row: Sequence[InlineButton]) -> bool:
    return any(isinstance(button, LinkButton) for button in row)


def _items(keyboard: Keyboard) -> str:
    return "\n".join(
        button.payload[PREFIX_LENGTH:]
        for row in keyboard
        for button in row
        if isinstance(button, CallbackButton)
    )


def _written(keyboard: Keyboard) -> list[list[list[str]]]:
    return [
        [
            [button.text, button.payload]
            if isinstance(button, CallbackButton)
            else [button.text, button.url, "url"]
            for button in row
        ]
        for row in keyboard
    ]
