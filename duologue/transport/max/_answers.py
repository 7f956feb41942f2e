"""What the MAX Bot API returns, apart from updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import cattrs

from duologue.dialogs import Batch, Chat, ChatType, User
from duologue.errors import BadRequestError, MalformedUpdateError, UnexpectedAnswerError
from duologue.transport._json import is_object
from duologue.transport.max._fields import (
    integer,
    items,
    object_at,
    optional_object,
    text,
)
from duologue.transport.max._message import CHAT_TYPES, user


def _text(value: object, _: type[str]) -> str:
    # On its own cattrs makes a text of anything, of null too.
    if not isinstance(value, str):
        raise TypeError(f"not text but {type(value).__name__}")
    return value


_converter = cattrs.Converter()
_converter.register_structure_hook(str, _text)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook that receives the bot's updates.

    Attributes:
        url: Where the messenger sends them.
        update_types: Which types, by the messenger's names; None for all.
    """

    url: str
    update_types: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Subscriptions:
    subscriptions: tuple[Subscription, ...]


def subscriptions(answer: Mapping[str, object]) -> tuple[Subscription, ...]:
    """Read the answer to GET /subscriptions."""
    try:
        return _converter.structure(answer, _Subscriptions).subscriptions
    except cattrs.BaseValidationError as error:
        raise _unexpected("GET /subscriptions", error) from error


def message_id(answer: Mapping[str, object]) -> str:
    """Read the id of the new message from the answer to POST /messages."""
    try:
        body = object_at(object_at(answer, "message", ""), "body", "message.")
        return text(body, "mid", "message.body.")
    except MalformedUpdateError as error:
        raise UnexpectedAnswerError("POST /messages", error.reason) from error


def batch(answer: Mapping[str, object]) -> Batch:
    """Read the answer to GET /updates; its elements stay as they came."""
    updates, marker = answer.get("updates"), answer.get("marker")
    if not isinstance(updates, list):
        raise UnexpectedAnswerError("GET /updates", "it has no list of updates")
    if marker is not None and type(marker) is not int:
        raise UnexpectedAnswerError("GET /updates", "its marker is no whole number")
    return Batch(cast("Sequence[Mapping[str, object]]", updates), marker)


def me(answer: Mapping[str, object]) -> User:
    """Read the answer to GET /me."""
    try:
        return user(answer, "")
    except MalformedUpdateError as error:
        raise UnexpectedAnswerError("GET /me", error.reason) from error


def chat_and_partner(answer: Mapping[str, object]) -> tuple[Chat, User | None]:
    """Read the answer to GET /chats/{chatId}; a private chat names its user."""
    try:
        chat_id, kind = integer(answer, "chat_id", ""), text(answer, "type", "")
        partner = optional_object(answer, "dialog_with_user", "")
        who = None if partner is None else user(partner, "dialog_with_user.")
    except MalformedUpdateError as error:
        raise UnexpectedAnswerError("GET /chats/{chatId}", error.reason) from error
    return Chat(chat_id, CHAT_TYPES.get(kind, ChatType.GROUP)), who


def member(answer: Mapping[str, object], chat_id: int, user_id: int) -> User:
    """Find a user in the answer to GET /chats/{chatId}/members.

    Raises:
        BadRequestError: The user is no member of the chat.
        UnexpectedAnswerError: It does not have the documented shape.
    """
    try:
        found = items(answer, "members", "")
        users = [user(one, "members.") for one in found if is_object(one)]
    except MalformedUpdateError as error:
        method = "GET /chats/{chatId}/members"
        raise UnexpectedAnswerError(method, error.reason) from error
    for one in users:
        if one.id == user_id:
            return one
    method = f"GET /chats/{chat_id}/members"
    raise BadRequestError(method, f"user {user_id} is no member of the chat")


def _unexpected(method: str, error: Exception) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(method, "; ".join(cattrs.transform_error(error)))
