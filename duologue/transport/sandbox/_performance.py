"""Carries out actions: users act in the world, and the bot's queue hears of it."""

from __future__ import annotations

from typing import assert_never

from duologue.errors import ButtonNotShownError, SandboxRefusalError
from duologue.transport.sandbox._actions import (
    Action,
    AddGroup,
    AddUser,
    Click,
    Duplicate,
    Forge,
    Inject,
    Outcome,
    Say,
    Start,
    Stop,
)
from duologue.transport.sandbox._log import LogKind
from duologue.transport.sandbox._stage import Stage
from duologue.transport.sandbox._values import Button, Content, Message, Said
from duologue.transport.sandbox._world import faces

TEXT_LIMIT = 4000
DUPLICATES = 1000


def perform_all(stage: Stage, actions: list[Action]) -> list[Outcome]:
    """Carry out actions in order; when one is refused none of them happened."""
    if len(actions) == 1:
        return [perform(stage, actions[0])]
    with stage.all_or_nothing():
        return [perform(stage, action) for action in actions]


def perform(stage: Stage, action: Action) -> Outcome:  # noqa: PLR0911 - one case an action
    """Carry out one action; a refused one changes nothing."""
    match action:
        case AddUser():
            person = stage.world.add_user(action.name, action.user_id)
            stage.bell.ring()
            return Outcome(user_id=person.id)
        case AddGroup():
            members = frozenset(action.members)
            chat = stage.world.add_group(action.title, members, action.chat_id)
            stage.bell.ring()
            return Outcome(chat_id=chat.id)
        case Start() | Stop():
            return _start_or_stop(stage, action)
        case Say():
            return _say(stage, action)
        case Click():
            return _click(stage, action)
        case Forge():
            return _press(stage, action.user_id, action.message_id, action.payload)
        case Inject():
            position = stage.enqueue(action.update)
            _log(stage, LogKind.INJECTED, position=position)
            return Outcome(positions=[position])
        case Duplicate():
            return _duplicate(stage, action.count)
        case _:
            assert_never(action)


def _log(stage: Stage, kind: LogKind, *, position: int) -> None:
    stage.world.log.add(kind, position=position)
    stage.bell.ring()


def _start_or_stop(stage: Stage, action: Start | Stop) -> Outcome:
    world = stage.world
    if isinstance(action, Start):
        kind, payload = LogKind.STARTED, action.payload
        chat_id = world.dialog_with(action.user_id).id
        position = stage.publish(world.start(action.user_id, payload))
    else:
        kind, payload = LogKind.STOPPED, None
        chat_id = world.dialog_with(action.user_id).id
        position = stage.publish(world.stop(action.user_id))
    world.log.add(
        kind, chat_id=chat_id, user_id=action.user_id, text=payload, position=position
    )
    return Outcome(user_id=action.user_id, chat_id=chat_id, positions=[position])


def _say(stage: Stage, action: Say) -> Outcome:
    stage.world.user(action.user_id)
    if not 1 <= len(action.text) <= TEXT_LIMIT:
        raise SandboxRefusalError(
            400, "bad.text", f"a message has between 1 and {TEXT_LIMIT} characters"
        )
    return speak(
        stage,
        action.user_id,
        Content(action.text),
        chat_id=action.chat_id,
        reply_to=action.reply_to,
    )


def speak(
    stage: Stage,
    user_id: int,
    content: Content,
    *,
    chat_id: int | None = None,
    reply_to: str | None = None,
) -> Outcome:
    """Let a user send what has been checked, by default into the dialog."""
    world = stage.world
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
    position = stage.publish(Said(said))
    world.log.add(
        LogKind.SAID,
        chat_id=chat.id,
        message_id=said.id,
        user_id=person.id,
        text=content.text,
        position=position,
    )
    return Outcome(person.id, chat.id, said.id, positions=[position])


def _click(stage: Stage, action: Click) -> Outcome:
    shown = stage.world.message(action.message_id)
    button = _find(shown, action)
    if button.kind == "message":
        return _say(stage, Say(action.user_id, button.text, shown.chat_id))
    return _press(stage, action.user_id, shown.id, button.payload or "")


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


def _press(stage: Stage, user_id: int, message_id: str, payload: str) -> Outcome:
    click = stage.world.press(user_id, message_id, payload)
    position = stage.publish(click)
    stage.world.log.add(
        LogKind.CLICKED,
        chat_id=click.chat_id,
        message_id=message_id,
        user_id=user_id,
        payload=payload,
        position=position,
    )
    return Outcome(user_id, click.chat_id, message_id, click.id, [position])


def _duplicate(stage: Stage, count: int) -> Outcome:
    newest = stage.queue.newest(count)
    if not 1 <= count <= DUPLICATES or len(newest) < count:
        raise SandboxRefusalError(
            400, "bad.count", f"there are {len(newest)} updates to deliver again"
        )
    positions = [stage.enqueue(update) for update in newest]
    for position in positions:
        _log(stage, LogKind.DUPLICATED, position=position)
    return Outcome(positions=positions)
