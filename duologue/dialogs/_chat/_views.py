"""Views of what handlers give: a text, its markup and its buttons, all of it checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

from duologue.dialogs._chat._chat import InlineButton, Keyboard, View
from duologue.errors import MessageTextError, WrongArgumentError

_MARKUP = ("html", "markdown")

Buttons: TypeAlias = Sequence[Sequence[InlineButton]] | None
"""Rows of buttons under a message; None for none."""


def as_view(
    text: str | View,
    parse_mode: str | None,
    buttons: Buttons,
    *,
    show_link_preview: bool,
) -> View:
    """Make a view of what handlers give.

    Raises:
        MessageTextError: There is no such parse mode.
        WrongArgumentError: The text or the buttons are something else.
    """
    if isinstance(text, View):
        return text
    _check_kind(text)
    markup = None if parse_mode is None else parse_mode.lower()
    if markup is not None and markup not in _MARKUP:
        problem = f"parse_mode={parse_mode!r} is unknown; give 'html' or 'markdown'"
        raise MessageTextError(problem)
    return View(text, _keyboard(buttons), markup, show_link_preview)


def plain_view(text: str | View) -> View:
    """The view of a text without markup and buttons; a view as it is."""
    return as_view(text, None, (), show_link_preview=True)


def check_text(view: View, limit: int | None) -> None:
    """Refuse a text that no messenger takes.

    Args:
        view: What holds the text.
        limit: How many characters the messenger takes; None for any number.

    Raises:
        MessageTextError: It is empty or too long.
    """
    if not view.text or view.text.isspace():
        raise MessageTextError("its text is empty; messengers refuse that")
    if limit is not None and len(view.text) > limit:
        problem = f"its text has {len(view.text)} characters, {limit} are allowed"
        raise MessageTextError(problem)


def _check_kind(text: object) -> None:
    if not isinstance(text, str):
        raise WrongArgumentError("a message", "text", repr(text), "a text or a View")


def _keyboard(given: object) -> Keyboard:
    """Rows of buttons, as a handler gives them.

    Raises:
        WrongArgumentError: It is something else, such as a single row.
    """
    if given is None:
        return ()
    rows = _items(given)
    found = None if rows is None else [_row(row) for row in rows]
    if found is not None and None not in found:
        return tuple(row for row in found if row is not None)
    expected = "rows of buttons: [[CallbackButton('Yes', 'y')]]"
    raise WrongArgumentError("a message", "reply_markup", repr(given), expected)


def _row(given: object) -> tuple[InlineButton, ...] | None:
    found = _items(given)
    if found is None:
        return None
    row = tuple(one for one in found if isinstance(one, InlineButton))
    return row if len(row) == len(found) else None


def _items(given: object) -> Sequence[object] | None:
    return cast("Sequence[object]", given) if isinstance(given, Sequence) else None
