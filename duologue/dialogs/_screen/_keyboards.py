"""Keyboards with their addresses: checked, and written for comparison and for presses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from duologue.dialogs._chat._address import digest_of
from duologue.dialogs._chat._calls import Capabilities
from duologue.dialogs._chat._chat import (
    CallbackButton,
    InlineButton,
    Keyboard,
    LinkButton,
)
from duologue.dialogs._chat._data import dump, size
from duologue.errors import ViewError


@dataclass(slots=True)
class AddressedKeyboard:
    """A keyboard whose buttons carry their dialog.

    Attributes:
        keyboard: The buttons.
        written: All of it as text, to tell it from others.
        items: The payloads, without scope and dialog and however long, one a line.
    """

    keyboard: Keyboard
    written: str
    items: str


FixedKeyboards: TypeAlias = dict[tuple[str, str], AddressedKeyboard]
"""Keyboards that never change, by the open dialog and its window."""


def address_keyboard(
    state: str,
    rows: Sequence[Sequence[InlineButton]],
    prefix: str,
    limits: Capabilities,
) -> AddressedKeyboard:
    """Address the buttons to their dialog and check the limits of the messenger.

    Args:
        state: The window, for errors.
        rows: The buttons; payloads are without scope and dialog.
        prefix: Scope and dialog.
        limits: Those of the messenger.

    Raises:
        ViewError: Something is too large.
    """
    keyboard = tuple(
        tuple(_addressed(button, prefix, limits) for button in row) for row in rows
    )
    _check(state, keyboard, limits)
    return AddressedKeyboard(keyboard, dump(_written(keyboard)), _items(rows))


def _addressed(button: InlineButton, prefix: str, limits: Capabilities) -> InlineButton:
    if not isinstance(button, CallbackButton):
        return button
    payload = prefix + button.payload
    if size(payload) > limits.payload_limit:
        payload = prefix + digest_of(prefix[1:-1], button.payload)
    return CallbackButton(button.text, payload)


def _check(state: str, keyboard: Keyboard, limits: Capabilities) -> None:
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


def _items(rows: Sequence[Sequence[InlineButton]]) -> str:
    return "\n".join(
        button.payload
        for row in rows
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
