"""The JSON shapes of the MAX Bot API, made of the values of the world."""

from __future__ import annotations

from typing import assert_never

from duologue.transport.sandbox._world._values import (
    LOCALE,
    Button,
    Chat,
    ChatChanged,
    ChatKind,
    Clicked,
    Event,
    JsonObject,
    Message,
    OmittedField,
    Person,
    PressedStart,
    Said,
    Suspended,
)
from duologue.transport.sandbox._world._world import World

INT64 = 2**64


def message_id(chat_id: int, seq: int) -> str:
    """Make a message id: both numbers as 64 bits in hexadecimal, negative wrapped."""
    return f"mid.{chat_id % INT64:016x}{seq % INT64:016x}"


def user(person: Person, at: int) -> JsonObject:
    """Make a ``User``."""
    return {
        "user_id": person.id,
        "first_name": person.name,
        "last_name": None if person.is_bot else "",
        "username": person.username,
        "is_bot": person.is_bot,
        "last_activity_time": at,
        "name": person.name,
    }


def chat(world: World, place: Chat) -> JsonObject:
    """Make a ``Chat``."""
    shape: JsonObject = {
        "chat_id": place.id,
        "type": _chat_type(place),
        "status": "suspended" if place.is_suspended else "active",
        "title": place.title,
        "icon": None,
        "last_event_time": world.clock(),
        "participants_count": len(place.members) + 1,
        "is_public": False,
        "link": None,
        "description": None,
    }
    if place.kind is ChatKind.DIALOG:
        shape["dialog_with_user"] = user(_partner(world, place), world.clock())
    return shape


def member(world: World, user_id: int) -> JsonObject:
    """Make the ``ChatMember`` of a user, who has no rights of an administrator."""
    return user(world.user(user_id), world.clock()) | {
        "last_access_time": world.clock(),
        "is_owner": False,
        "is_admin": False,
        "join_time": 0,
        "permissions": None,
    }


def bot_member(world: World, place: Chat) -> JsonObject:
    """Make the ``ChatMember`` of the bot: an administrator in groups."""
    is_group = place.kind is ChatKind.GROUP
    rights = ["read_all_messages", "write", "edit", "delete", "pin_message"]
    return user(world.bot, world.clock()) | {
        "last_access_time": world.clock(),
        "is_owner": False,
        "is_admin": is_group,
        "join_time": 0,
        "permissions": rights if is_group else None,
    }


def message(world: World, shown: Message) -> JsonObject:
    """Make a ``Message``."""
    shape: JsonObject = {
        "recipient": _recipient(world, shown),
        "timestamp": shown.at,
        "body": body(shown),
        "sender": user(world.user(shown.sender_id), shown.at),
    }
    if shown.link is not None and shown.origin is not None:
        shape["link"] = {
            "type": shown.link,
            "sender": user(world.user(shown.origin.sender_id), shown.origin.at),
            "chat_id": shown.origin.chat_id,
            "message": body(shown.origin),
        }
    return shape


def body(shown: Message) -> JsonObject:
    """Make a ``MessageBody``; no attachments or no markup means no key."""
    shape: JsonObject = {"mid": shown.id, "seq": shown.seq, "text": shown.content.text}
    attachments: list[object] = [dict(media) for media in shown.content.media]
    if shown.content.keyboard is not None:
        rows = [[_button(b) for b in row] for row in shown.content.keyboard]
        attachments.append(
            {
                "type": "inline_keyboard",
                "callback_id": shown.keyboard_id,
                "payload": {"buttons": rows},
            }
        )
    if attachments:
        shape["attachments"] = attachments
    if shown.content.markup:
        shape["markup"] = [dict(element) for element in shown.content.markup]
    return shape


def update(world: World, event: Event) -> JsonObject:
    """Make the update that tells the bot of an event."""
    match event:
        case Said(message=said):
            return {
                "update_type": "message_created",
                "timestamp": said.at,
                "user_locale": LOCALE,
                "message": message(world, said),
            }
        case Clicked():
            return _callback(world, event)
        case PressedStart():
            start = _dialog_event(world, "bot_started", event)
            start["user_id"] = event.user_id
            if event.payload is not None:
                start["payload"] = event.payload
            return start
        case Suspended():
            return _dialog_event(world, "bot_stopped", event)
        case ChatChanged():
            return _change(world, event)
        case _:
            assert_never(event)


def _callback(world: World, click: Clicked) -> JsonObject:
    shown = click.message
    return {
        "update_type": "message_callback",
        "timestamp": click.at,
        "user_locale": LOCALE,
        "callback": {
            "timestamp": click.at,
            "callback_id": click.id,
            "payload": click.payload,
            "user": user(world.user(click.user_id), click.at),
        },
        "message": _pressed(world, shown, click.omits),
    }


def _pressed(
    world: World, shown: Message | None, omits: OmittedField | None
) -> JsonObject | None:
    if shown is None or omits is OmittedField.MESSAGE:
        return None
    shape = message(world, shown)
    if omits is OmittedField.CHAT_ID:
        recipient = _recipient(world, shown)
        del recipient["chat_id"]
        shape["recipient"] = recipient
    return shape


def _change(world: World, event: ChatChanged) -> JsonObject:
    shape: JsonObject = {
        "update_type": event.kind,
        "timestamp": event.at,
        "chat_id": event.chat_id,
    }
    if event.user_id is not None:
        shape["user"] = user(world.user(event.user_id), event.at)
    return shape | dict(event.extra)


def _dialog_event(
    world: World, kind: str, event: PressedStart | Suspended
) -> JsonObject:
    return {
        "update_type": kind,
        "timestamp": event.at,
        "chat_id": event.chat_id,
        "user": user(world.user(event.user_id), event.at),
        "user_locale": LOCALE,
    }


def _recipient(world: World, shown: Message) -> JsonObject:
    place = world.chat(shown.chat_id)
    shape: JsonObject = {"chat_id": place.id, "chat_type": _chat_type(place)}
    if place.kind is ChatKind.DIALOG:
        partner = _partner(world, place)
        is_from_bot = shown.sender_id == world.bot.id
        shape["user_id"] = partner.id if is_from_bot else world.bot.id
    return shape


def _chat_type(place: Chat) -> str:
    return "dialog" if place.kind is ChatKind.DIALOG else "chat"


def _partner(world: World, place: Chat) -> Person:
    return world.user(next(iter(place.members)))


def _button(button: Button) -> JsonObject:
    shape: JsonObject = {"type": button.kind, "text": button.text}
    if button.payload is not None:
        shape["payload"] = button.payload
    return shape | dict(button.extra)
