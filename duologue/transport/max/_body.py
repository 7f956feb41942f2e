"""What views and commands look like in a request: the bytes of their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from duologue.dialogs import CallbackButton, Keyboard, View
from duologue.transport._json import dump

JsonObject = dict[str, object]

TEXT_LIMIT = 4000
# Stands behind the text of what a whole chat shares, so that a reply to it is known to
# be one: MAX has no field for that, and gives the text of the message that is answered.
# INVISIBLE SEPARATOR and INVISIBLE PLUS: nothing is seen, and no keyboard writes them.
SHARED_MARK = "\u2063\u2064"
# An absent text stays as it is (dev.max.ru, description of PUT /messages).
WITHOUT_KEYBOARD = dump({"attachments": []})


@dataclass(frozen=True, slots=True)
class BotCommand:
    """A command that the messenger offers to whoever types `/`.

    Attributes:
        command: Its name, without the `/`.
        description: What it does; None to show its name only.
    """

    command: str
    description: str | None = None


def commands(offered: Sequence[BotCommand]) -> bytes:
    """Make the body that says which commands a bot knows."""
    listed = [
        {"name": one.command}
        if one.description is None
        else {"name": one.command, "description": one.description}
        for one in offered
    ]
    return dump({"commands": listed})


def new_message(view: View, reply_to: str | None = None) -> bytes:
    """Make the body of a message that does not exist yet."""
    body = _message(view)
    if reply_to is not None:
        body["link"] = {"type": "reply", "mid": reply_to}
    if not view.keyboard:
        del body["attachments"]
    return dump(body)


def changed_message(view: View) -> bytes:
    """Make the body that replaces a message.

    Absent attachments would leave the old keyboard in place, an empty list
    removes it (dev.max.ru, description of PUT /messages).
    """
    return dump(_message(view))


def action(name: str) -> bytes:
    """Make the body that shows what the bot is doing."""
    return dump({"action": name})


def answer(view: View | None, notification: str | None) -> bytes:
    """Make the body that answers a press.

    One of message and notification is required; a blank notification is the
    one answer that changes nothing on the screen.
    """
    body: JsonObject = {}
    if view is not None:
        body["message"] = _message(view)
    if notification is not None or view is None:
        body["notification"] = notification or " "
    return dump(body)


def preview(view: View | None) -> dict[str, str]:
    """What the query says of links; only views that must not expand them say it."""
    if view is None or view.show_link_preview:
        return {}
    return {"disable_link_preview": "true"}


def _message(view: View) -> JsonObject:
    body: JsonObject = {"text": view.text, "attachments": _attachments(view.keyboard)}
    if view.is_shared and len(view.text) + len(SHARED_MARK) <= TEXT_LIMIT:
        body["text"] = view.text + SHARED_MARK
    if view.markup is not None:
        body["format"] = view.markup
    return body


def _attachments(keyboard: Keyboard) -> list[JsonObject]:
    if not keyboard:
        return []
    # In one go: this runs for every view that is drawn.
    rows = [
        [
            {"type": "callback", "text": button.text, "payload": button.payload}
            if isinstance(button, CallbackButton)
            else {"type": "link", "text": button.text, "url": button.url}
            for button in row
        ]
        for row in keyboard
    ]
    return [{"type": "inline_keyboard", "payload": {"buttons": rows}}]
