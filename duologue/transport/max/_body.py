"""What a view looks like in a request."""

from __future__ import annotations

from collections.abc import Mapping

from duologue.dialogs import CallbackButton, InlineButton, Keyboard, View

Json = dict[str, object]

# An absent text stays as it is (dev.max.ru, description of PUT /messages).
WITHOUT_KEYBOARD: Mapping[str, object] = {"attachments": ()}


def new_message(view: View) -> Json:
    """Make the body of a message that does not exist yet."""
    body = _text(view)
    if view.keyboard:
        body["attachments"] = _attachments(view.keyboard)
    return body


def changed_message(view: View) -> Json:
    """Make the body that replaces a message.

    Absent attachments would leave the old keyboard in place, an empty list
    removes it (dev.max.ru, description of PUT /messages).
    """
    return {**_text(view), "attachments": _attachments(view.keyboard)}


def answer(view: View | None, notification: str | None) -> Json:
    """Make the body that answers a press.

    One of message and notification is required; a blank notification is the
    one answer that changes nothing on the screen.
    """
    body: Json = {}
    if view is not None:
        body["message"] = changed_message(view)
    if notification is not None or view is None:
        body["notification"] = notification or " "
    return body


def _text(view: View) -> Json:
    body: Json = {"text": view.text}
    if view.markup is not None:
        body["format"] = view.markup
    return body


def _attachments(keyboard: Keyboard) -> list[Json]:
    if not keyboard:
        return []
    rows = [[_button(button) for button in row] for row in keyboard]
    return [{"type": "inline_keyboard", "payload": {"buttons": rows}}]


def _button(button: InlineButton) -> Json:
    if isinstance(button, CallbackButton):
        return {"type": "callback", "text": button.text, "payload": button.payload}
    return {"type": "link", "text": button.text, "url": button.url}
