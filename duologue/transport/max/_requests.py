"""What the calls of the MAX Bot API look like: verb, path, query and the JSON of the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from duologue.dialogs import CallbackButton, Keyboard, View
from duologue.transport._json import dump

JsonObject = dict[str, object]

TEXT_LIMIT = 4000
# Stands behind the text of what a whole chat shares, so that a reply to it is known to
# be one: MAX has no field for that, and gives the text of the message that is answered.
# INVISIBLE SEPARATOR and INVISIBLE PLUS: nothing is seen, and no keyboard writes them.
SHARED_MARK = "\u2063\u2064"
# Seconds in which any call has to be through, reading the answer included.
CALL_TIMEOUT = 20.0
# What an answer to a poll may take on top of the time that it is held.
_POLL_SLACK = 10.0
# Source: the notice of May 2026. The schema still allows 90 s and 1000 updates.
_LONGEST_HOLD = 30
_LARGEST_BATCH = 100
# An absent text stays as it is (dev.max.ru, description of PUT /messages).
_WITHOUT_KEYBOARD = dump({"attachments": []})
# Of links the query says something only for views that must not expand them.
_NO_PREVIEW = "disable_link_preview"
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Request(NamedTuple):
    """One call, ready to be made. A tuple: one is made for every view that is drawn.

    Attributes:
        verb: The HTTP method.
        path: Where, below the base address.
        query: Parameters for the address.
        body: The JSON body.
        within: Seconds for everything together.
    """

    verb: str
    path: str
    query: Mapping[str, str] = _NOTHING
    body: bytes | None = None
    within: float = CALL_TIMEOUT


@dataclass(frozen=True, slots=True)
class BotCommand:
    """A command that the messenger offers to whoever types `/`.

    Attributes:
        command: Its name, without the `/`.
        description: What it does; None to show its name only.
    """

    command: str
    description: str | None = None


def me() -> Request:
    """Ask who the bot is."""
    return Request("GET", "/me")


def commands(offered: Sequence[BotCommand]) -> Request:
    """Say which commands a bot knows."""
    listed = [
        {"name": one.command}
        if one.description is None
        else {"name": one.command, "description": one.description}
        for one in offered
    ]
    return Request("PATCH", "/me/commands", body=dump({"commands": listed}))


def subscriptions() -> Request:
    """Ask for the webhooks."""
    return Request("GET", "/subscriptions")


def subscribe(url: str, types: Sequence[str] | None, secret: str | None) -> Request:
    """Set a webhook."""
    body: JsonObject = {"url": url}
    if types is not None:
        body["update_types"] = list(types)
    if secret is not None:
        body["secret"] = secret
    return Request("POST", "/subscriptions", body=dump(body))


def unsubscribe(url: str) -> Request:
    """Remove a webhook."""
    return Request("DELETE", "/subscriptions", {"url": url})


def poll(
    marker: int | None, limit: int, timeout: float, types: Sequence[str] | None
) -> Request:
    """Ask for updates, within what MAX gives in one answer and holds a call."""
    hold = min(int(timeout), _LONGEST_HOLD)
    query = {"limit": str(min(limit, _LARGEST_BATCH)), "timeout": str(hold)}
    if marker is not None:
        query["marker"] = str(marker)
    if types is not None:
        query["types"] = ",".join(types)
    return Request("GET", "/updates", query, within=hold + _POLL_SLACK)


def new_message(chat_id: int, view: View, reply_to: str | None) -> Request:
    """Send a message that does not exist yet."""
    body = _message(view)
    if reply_to is not None:
        body["link"] = {"type": "reply", "mid": reply_to}
    if not view.keyboard:
        del body["attachments"]
    query = {"chat_id": str(chat_id)}
    if not view.show_link_preview:
        query[_NO_PREVIEW] = "true"
    return Request("POST", "/messages", query, dump(body))


def changed_message(message_id: str, view: View) -> Request:
    """Replace a message.

    Absent attachments would leave the old keyboard in place, an empty list
    removes it (dev.max.ru, description of PUT /messages).
    """
    query = {"message_id": message_id}
    return Request("PUT", "/messages", query, dump(_message(view)))


def without_keyboard(message_id: str) -> Request:
    """Take the buttons away from a message and leave its text."""
    return Request("PUT", "/messages", {"message_id": message_id}, _WITHOUT_KEYBOARD)


def deleted_message(message_id: str) -> Request:
    """Delete a message."""
    return Request("DELETE", "/messages", {"message_id": message_id})


def action(chat_id: int, name: str) -> Request:
    """Show what the bot is doing."""
    body = dump({"action": name})
    return Request("POST", f"/chats/{chat_id}/actions", body=body)


def chat(chat_id: int) -> Request:
    """Ask what a chat is."""
    return Request("GET", f"/chats/{chat_id}")


def member(chat_id: int, user_id: int) -> Request:
    """Ask who a member of a chat is."""
    path = f"/chats/{chat_id}/members"
    return Request("GET", path, {"user_ids": str(user_id)})


def answer(callback_id: str, view: View | None, notification: str | None) -> Request:
    """Answer a press.

    One of message and notification is required; a blank notification is the
    one answer that changes nothing on the screen.
    """
    query = {"callback_id": callback_id}
    body: JsonObject = {}
    if view is not None:
        body["message"] = _message(view)
        if not view.show_link_preview:
            query[_NO_PREVIEW] = "true"
    if notification is not None or view is None:
        body["notification"] = notification or " "
    return Request("POST", "/answers", query, dump(body))


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
