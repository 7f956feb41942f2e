"""The world of the sandbox: users, chats, messages and what is seen of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container
from dataclasses import replace
from itertools import count

from duologue.errors import SandboxRefusalError
from duologue.transport.sandbox._world._log import Faces, Log, LogKind
from duologue.transport.sandbox._world._values import (
    Chat,
    ChatKind,
    Clicked,
    Content,
    Keyboard,
    Message,
    OmittedField,
    Person,
    PressedStart,
    Suspended,
)

FIRST_USER = 1000
FIRST_DIALOG = 500_001
FIRST_GROUP = -70_000_000_001
COUNTER = 0xFFFF
EDITABLE = 7 * 24 * 60 * 60 * 1000
PENDING = 1000
"""So many clicks at most wait for an answer, so that all can be looked through."""


class World:
    """Pure state: every change is one call, and the log tells what users saw of it."""

    def __init__(
        self,
        clock: Callable[[], int],
        name_message: Callable[[int, int], str],
        bot: Person,
    ) -> None:
        self.clock = clock
        self.bot = bot
        self.log = Log(clock)
        self._name_message = name_message
        self._counter = 0
        self._users: dict[int, Person] = {bot.id: bot}
        self._chats: dict[int, Chat] = {}
        self._dialogs: dict[int, int] = {}
        self._messages: dict[str, Message] = {}
        self._gone: dict[str, int] = {}
        self._clicks: dict[str, Clicked] = {}
        self._pending: dict[str, Clicked] = {}
        self._frozen: set[str] = set()

    def checkpoint(self) -> Callable[[], None]:
        """Remember this state; calling the result brings it back."""
        log, counter = self.log.checkpoint(), self._counter
        users, chats = self._users.copy(), self._chats.copy()
        dialogs, messages = self._dialogs.copy(), self._messages.copy()
        gone, clicks = self._gone.copy(), self._clicks.copy()
        pending, frozen = self._pending.copy(), self._frozen.copy()

        def restore() -> None:
            log()
            self._counter = counter
            self._users, self._chats = users, chats
            self._dialogs, self._messages = dialogs, messages
            self._gone, self._clicks = gone, clicks
            self._pending, self._frozen = pending, frozen

        return restore

    @property
    def population(self) -> tuple[int, int]:
        """How many users and chats there are."""
        return len(self._users), len(self._chats)

    # Who and where.

    def add_user(self, name: str, user_id: int | None = None) -> Person:
        """Create a user; a taken id is refused."""
        chosen = (
            _free(self._users, FIRST_USER + len(self._users), 1)
            if user_id is None
            else user_id
        )
        if chosen in self._users or chosen <= 0:
            raise _conflict(f"user id {chosen} is taken or not positive; pick another")
        person = Person(chosen, name)
        self._users[chosen] = person
        return person

    def add_group(
        self, title: str, members: frozenset[int], chat_id: int | None = None
    ) -> Chat:
        """Create a group that the bot administers; its id is negative."""
        for member in members:
            self.user(member)
        chosen = (
            _free(self._chats, FIRST_GROUP - len(self._chats), -1)
            if chat_id is None
            else chat_id
        )
        if chosen in self._chats or chosen >= 0:
            raise _conflict(f"chat id {chosen} is taken or not negative; pick another")
        chat = Chat(chosen, ChatKind.GROUP, title, members)
        self._chats[chosen] = chat
        return chat

    def users(self) -> list[Person]:
        """List the users without the bot, oldest first."""
        return [person for person in self._users.values() if not person.is_bot]

    def chats_of(self, user_id: int) -> list[Chat]:
        """List the chats that a user is in, oldest first."""
        person = self.user(user_id)
        return [chat for chat in self._chats.values() if person.id in chat.members]

    def user(self, user_id: int) -> Person:
        """Find a user or the bot."""
        if user_id not in self._users:
            raise SandboxRefusalError(404, "not.found", f"there is no user {user_id}")
        return self._users[user_id]

    def chat(self, chat_id: int) -> Chat:
        """Find a chat."""
        if chat_id == 0:
            raise SandboxRefusalError(403, "chat.denied", "Invalid chatId: 0")
        if chat_id not in self._chats:
            raise SandboxRefusalError(
                404, "chat.not.found", f"there is no chat {chat_id}"
            )
        return self._chats[chat_id]

    def dialog_with(self, user_id: int) -> Chat:
        """Find a user's dialog with the bot; the first use creates it."""
        if self.user(user_id).is_bot:
            raise SandboxRefusalError(
                404, "chat.not.found", "a bot has no dialog with itself"
            )
        if user_id not in self._dialogs:
            chat_id = _free(self._chats, FIRST_DIALOG + len(self._chats), 1)
            members = frozenset({user_id})
            self._chats[chat_id] = Chat(chat_id, ChatKind.DIALOG, None, members)
            self._dialogs[user_id] = chat_id
        return self._chats[self._dialogs[user_id]]

    def chat_of_message(self, message_id: str) -> int | None:
        """Say where a message is or was."""
        message = self._messages.get(message_id)
        return message.chat_id if message else self._gone.get(message_id)

    def chat_of_click(self, callback_id: str) -> int | None:
        """Say where a click happened."""
        click = self._clicks.get(callback_id)
        return None if click is None else click.chat_id

    def message_of_click(self, callback_id: str) -> str | None:
        """Say on which message a click was."""
        click = self._clicks.get(callback_id)
        return None if click is None else click.message_id

    def find_dialog(self, user_id: int) -> int | None:
        """Say which dialog a user has with the bot, if there is one already."""
        return self._dialogs.get(user_id)

    # Messages.

    def message(self, message_id: str) -> Message:
        """Find a message that exists."""
        if message_id not in self._messages:
            raise SandboxRefusalError(
                404, "not.found", f"there is no message {message_id}"
            )
        return self._messages[message_id]

    def find_message(self, message_id: str) -> Message | None:
        """Find a message that may be gone."""
        return self._messages.get(message_id)

    def visible(self, chat_id: int) -> list[Message]:
        """List the messages of a chat, oldest first."""
        return [m for m in self._messages.values() if m.chat_id == chat_id]

    def messages(self) -> list[Message]:
        """List the messages of all chats, oldest first."""
        return list(self._messages.values())

    def post(
        self,
        chat: Chat,
        sender: Person,
        content: Content,
        *,
        link: str | None = None,
        origin: Message | None = None,
    ) -> Message:
        """Add a message to a chat; the caller logs what a user said."""
        self._counter = (self._counter + 1) & COUNTER
        at = self.clock()
        seq = at << 16 | self._counter
        message = Message(
            self._name_message(chat.id, seq),
            seq,
            chat.id,
            sender.id,
            at,
            content,
            secrets.token_urlsafe(24),
            link,
            origin,
        )
        self._messages[message.id] = message
        if sender.is_bot:
            self._show(LogKind.MESSAGE, message)
        return message

    def freeze(self, message: Message) -> None:
        """Let a message take no edit any more."""
        self._frozen.add(message.id)

    def edit(self, message: Message, content: Content) -> None:
        """Show something else in a message of the bot.

        Rule (MAX documentation): in a dialog a message can be edited for seven days,
        one with a keyboard for ever.
        """
        is_old = (
            self.chat(message.chat_id).kind is ChatKind.DIALOG
            and message.content.keyboard is None
            and self.clock() - message.at > EDITABLE
        )
        if is_old or message.id in self._frozen:
            raise SandboxRefusalError(
                400,
                "proto.payload",
                f"message_id: {message.id} is too old to be edited",
            )
        changed = replace(message, content=content)
        self._messages[message.id] = changed
        self._show(LogKind.EDIT, changed)

    def remove(self, message: Message) -> None:
        """Take a message away; clicks on it may still arrive."""
        del self._messages[message.id]
        self._gone[message.id] = message.chat_id
        self.log.add(LogKind.DELETE, chat_id=message.chat_id, message_id=message.id)

    def _show(self, kind: LogKind, message: Message) -> None:
        self.log.add(
            kind,
            chat_id=message.chat_id,
            message_id=message.id,
            text=message.content.text,
            keyboard=faces(message.content.keyboard),
        )

    # What users do beside talking.

    def start(self, user_id: int, payload: str | None) -> PressedStart:
        """Press Start; a suspended dialog opens again."""
        chat = self._suspend(user_id, is_suspended=False)
        return PressedStart(chat.id, user_id, payload, self.clock())

    def stop(self, user_id: int) -> Suspended:
        """Suspend the bot: it may not write into the dialog until the next start."""
        chat = self._suspend(user_id, is_suspended=True)
        return Suspended(chat.id, user_id, self.clock())

    def _suspend(self, user_id: int, *, is_suspended: bool) -> Chat:
        chat = replace(self.dialog_with(user_id), is_suspended=is_suspended)
        self._chats[chat.id] = chat
        return chat

    def press(
        self,
        user_id: int,
        message_id: str,
        payload: str,
        *,
        omits: OmittedField | None = None,
    ) -> Clicked:
        """Press a button of a message, which may be gone by now."""
        self.user(user_id)
        chat_id = self.chat_of_message(message_id)
        if chat_id is None or user_id not in self._chats[chat_id].members:
            raise SandboxRefusalError(
                404, "not.found", f"user {user_id} sees no message {message_id}"
            )
        click = Clicked(
            secrets.token_urlsafe(24),
            chat_id,
            message_id,
            self._messages.get(message_id),
            user_id,
            payload,
            self.clock(),
            omits,
        )
        self._clicks[click.id] = click
        self._pending[click.id] = click
        while len(self._pending) > PENDING:
            del self._pending[next(iter(self._pending))]
        return click

    def answered(self, click: Clicked) -> None:
        """Let a click wait no longer for its answer."""
        self._pending.pop(click.id, None)

    def pending(self, message_id: str) -> list[Clicked]:
        """List the clicks on a message that wait for their answer."""
        return [c for c in self._pending.values() if c.message_id == message_id]

    def click(self, callback_id: str) -> Clicked:
        """Find a click by the id its update carried."""
        if callback_id not in self._clicks:
            raise SandboxRefusalError(
                404, "not.found", f"there is no callback {callback_id}"
            )
        return self._clicks[callback_id]


def faces(keyboard: Keyboard | None) -> Faces:
    """Give the rows of a keyboard as users see them, with the payloads behind."""
    rows = keyboard or ()
    return tuple(tuple((b.text, b.payload) for b in row) for row in rows)


def _free(taken: Container[int], first: int, step: int) -> int:
    return next(number for number in count(first, step) if number not in taken)


def _conflict(detail: str) -> SandboxRefusalError:
    return SandboxRefusalError(400, "id.taken", detail)
