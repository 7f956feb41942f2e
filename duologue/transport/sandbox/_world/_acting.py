"""The actions of users, carried out: the world changes, and the bot's queue hears of it."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from duologue.errors import ButtonNotShownError, SandboxRefusalError
from duologue.transport.sandbox._world._actions import (
    Action,
    AddGroup,
    AddUser,
    ChangeDialog,
    ChangeRights,
    Click,
    Duplicate,
    Forge,
    Freeze,
    Inject,
    Outcome,
    Say,
    Start,
    Stop,
)
from duologue.transport.sandbox._world._log import LogKind
from duologue.transport.sandbox._world._service import Service
from duologue.transport.sandbox._world._values import (
    LOCALE,
    Button,
    ChatChanged,
    Content,
    DialogChange,
    JsonObject,
    Message,
    Said,
)
from duologue.transport.sandbox._world._world import faces

TEXT_LIMIT = 4000
HOUR = 60 * 60 * 1000
DUPLICATES = 1000


def act_all(service: Service, actions: list[Action]) -> list[Outcome]:
    """Carry out actions in order; when one is refused none of them happened."""
    if len(actions) == 1:
        return [act(service, actions[0])]
    with service.all_or_nothing():
        return [act(service, action) for action in actions]


def act(service: Service, action: Action) -> Outcome:  # noqa: C901, PLR0911 - one case an action
    """Carry out one action; a refused one changes nothing."""
    match action:
        case AddUser():
            person = service.world.add_user(action.name, action.user_id)
            service.bell.ring()
            return Outcome(user_id=person.id)
        case AddGroup():
            members = frozenset(action.members)
            chat = service.world.add_group(action.title, members, action.chat_id)
            return _tell(service, "bot_added", chat.id, None, {"is_channel": False})
        case ChangeDialog():
            return _change_dialog(service, action)
        case ChangeRights():
            return _change_rights(service, action)
        case Freeze():
            shown = service.world.message(action.message_id)
            service.world.freeze(shown)
            return Outcome(chat_id=shown.chat_id, message_id=shown.id)
        case Start() | Stop():
            return _start_or_stop(service, action)
        case Say():
            return _say(service, action)
        case Click():
            return _click(service, action)
        case Forge():
            return _press(service, action, action.message_id, action.payload)
        case Inject():
            position = service.enqueue(action.update)
            _log(service, LogKind.INJECTED, position=position)
            return Outcome(positions=[position])
        case Duplicate():
            return _duplicate(service, action.count)
        case _:
            assert_never(action)


def _log(service: Service, kind: LogKind, *, position: int) -> None:
    service.world.log.add(kind, position=position)
    service.bell.ring()


def _start_or_stop(service: Service, action: Start | Stop) -> Outcome:
    world = service.world
    if isinstance(action, Start):
        kind, payload = LogKind.STARTED, action.payload
        chat_id = world.dialog_with(action.user_id).id
        position = service.publish(world.start(action.user_id, payload))
    else:
        kind, payload = LogKind.STOPPED, None
        chat_id = world.dialog_with(action.user_id).id
        position = service.publish(world.stop(action.user_id))
    world.log.add(
        kind, chat_id=chat_id, user_id=action.user_id, text=payload, position=position
    )
    return Outcome(user_id=action.user_id, chat_id=chat_id, positions=[position])


def _tell(
    service: Service, kind: str, chat_id: int, user_id: int | None, extra: JsonObject
) -> Outcome:
    """Let the bot hear that something happened to a chat."""
    at = service.world.clock()
    position = service.publish(ChatChanged(kind, chat_id, at, user_id, extra))
    service.world.log.add(
        LogKind.CHAT_CHANGED,
        chat_id=chat_id,
        user_id=user_id,
        text=kind,
        position=position,
    )
    return Outcome(user_id, chat_id, positions=[position])


def _change_dialog(service: Service, action: ChangeDialog) -> Outcome:
    chat = service.world.dialog_with(action.user_id)
    extra: JsonObject = {"user_locale": LOCALE}
    if action.change is DialogChange.MUTED:
        extra["muted_until"] = action.muted_until or service.world.clock() + HOUR
    outcome = _tell(service, action.change.value, chat.id, action.user_id, extra)
    if action.change is not DialogChange.REMOVED:
        return outcome
    stopped = _start_or_stop(service, Stop(action.user_id))
    return replace(outcome, positions=[*outcome.positions, *stopped.positions])


def _change_rights(service: Service, action: ChangeRights) -> Outcome:
    chat = service.world.chat(action.chat_id)
    if action.user_id not in chat.members:
        raise SandboxRefusalError(
            403, "not.a.member", f"user {action.user_id} is not in chat {chat.id}"
        )
    rights: JsonObject = {
        "bot_id": service.world.bot.id,
        "user_id": action.user_id,
        "is_admin": action.is_admin,
        "is_channel": False,
        "permissions": action.permissions,
    }
    return _tell(service, "bot_admin_permissions_changed", chat.id, None, rights)


def _say(service: Service, action: Say) -> Outcome:
    service.world.user(action.user_id)
    if not 1 <= len(action.text) <= TEXT_LIMIT:
        raise SandboxRefusalError(
            400, "bad.text", f"a message has between 1 and {TEXT_LIMIT} characters"
        )
    return speak(
        service,
        action.user_id,
        Content(action.text),
        chat_id=action.chat_id,
        reply_to=action.reply_to,
    )


def speak(
    service: Service,
    user_id: int,
    content: Content,
    *,
    chat_id: int | None = None,
    reply_to: str | None = None,
) -> Outcome:
    """Let a user send what has been checked, by default into the dialog."""
    world = service.world
    person = world.user(user_id)
    chat = world.dialog_with(user_id) if chat_id is None else world.chat(chat_id)
    if person.id not in chat.members:
        raise SandboxRefusalError(
            403, "not.a.member", f"user {person.id} is not in chat {chat.id}"
        )
    origin = None if reply_to is None else world.message(reply_to)
    if origin is not None and origin.chat_id != chat.id:
        raise SandboxRefusalError(
            400, "other.chat", f"message {origin.id} is not in chat {chat.id}"
        )
    said = world.post(
        chat,
        person,
        content,
        link=None if origin is None else "reply",
        origin=origin,
    )
    position = service.publish(Said(said))
    world.log.add(
        LogKind.SAID,
        chat_id=chat.id,
        message_id=said.id,
        user_id=person.id,
        text=content.text,
        position=position,
    )
    return Outcome(person.id, chat.id, said.id, positions=[position])


def _click(service: Service, action: Click) -> Outcome:
    shown = service.world.message(action.message_id)
    button = _find(shown, action)
    if button.kind == "message":
        return _say(service, Say(action.user_id, button.text, shown.chat_id))
    return _press(service, action, shown.id, button.payload or "")


def _find(shown: Message, action: Click) -> Button:
    for r, row in enumerate(shown.content.keyboard or ()):
        for c, button in enumerate(row):
            fits = (
                action.text in {None, button.text}
                and action.payload in {None, button.payload}
                and action.row in {None, r}
                and action.col in {None, c}
            )
            if fits and button.kind in {"callback", "message"}:
                return button
    wanted = {
        name: value
        for name in ("text", "payload", "row", "col")
        if (value := getattr(action, name)) is not None
    }
    raise ButtonNotShownError(
        400,
        "button.not.shown",
        f"message {shown.id} has no button {wanted} that can be pressed; it shows "
        f"{[list(row) for row in faces(shown.content.keyboard)]}; "
        "forge sends any payload",
    )


def _press(
    service: Service, action: Click | Forge, message_id: str, payload: str
) -> Outcome:
    user_id = action.user_id
    click = service.world.press(user_id, message_id, payload, omits=action.omits)
    position = service.publish(click)
    service.world.log.add(
        LogKind.CLICKED,
        chat_id=click.chat_id,
        message_id=message_id,
        user_id=user_id,
        payload=payload,
        position=position,
    )
    return Outcome(user_id, click.chat_id, message_id, click.id, [position])


def _duplicate(service: Service, count: int) -> Outcome:
    newest = service.queue.newest(count)
    if not 1 <= count <= DUPLICATES or len(newest) < count:
        raise SandboxRefusalError(
            400, "bad.count", f"there are {len(newest)} updates to deliver again"
        )
    positions = [service.enqueue(update) for update in newest]
    for position in positions:
        _log(service, LogKind.DUPLICATED, position=position)
    return Outcome(positions=positions)
