"""A messenger that exists in memory only and remembers what the bot did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

from duologue.actors import LoopClock
from duologue.dialogs import (
    Attachment,
    Bot,
    CallKind,
    Capabilities,
    Chat,
    Update,
    User,
    View,
)
from duologue.errors import BadRequestError, MessengerError
from duologue.testing._calls import Call, Failures, Hold, Method, Which
from duologue.testing._shown import Raw, ShownMessage, ShownMessages
from duologue.testing._world import chat_type, make, parse, user_of, written
from duologue.transport._limits import Buckets

# The strictest of every messenger that there is, so that what passes here is not
# refused there: MAX, whose limits are those of a row.
_CAPABILITIES = Capabilities(
    answer_carries_view=True,
    text_limit=4000,
    payload_limit=64,
    button_text_limit=64,
    max_rows=30,
    max_columns=7,
    max_buttons=100,
    answer_deadline=5.0,
    max_columns_with_link=3,
)


class RecordingBot(Bot):
    """A bot of the messenger `test`, which exists in memory only.

    It shows, edits and deletes messages like a messenger does, and refuses what a
    messenger refuses: messages that are gone, presses that were answered. Chats
    with negative numbers are groups.

    Args:
        id: The account's number.
        capabilities: What the messenger can do; by default nothing that another
            messenger of this version would refuse.
        calls_per_second: How many calls of each kind (new messages, edits, deletes,
            answers) it allows for a chat; None for any number.
    """

    def __init__(
        self,
        id: int = 1,  # noqa: A002  # the name of the attribute
        *,
        capabilities: Capabilities = _CAPABILITIES,
        calls_per_second: int | None = None,
    ) -> None:
        self._id = id
        self._capabilities = capabilities
        self._limits: Buckets[tuple[int, CallKind]] | None = None
        self.limit(calls_per_second)
        self._calls: list[Call] = []
        self._holds: list[Hold] = []
        self._failures: list[Failures] = []
        self._messages = ShownMessages()
        self._presses: dict[str, str | None] = {}
        self._numbers = count(1)

    def __repr__(self) -> str:
        return f"<RecordingBot {self._id}>"

    @property
    def id(self) -> int:
        """The account's number."""
        return self._id

    @property
    def messenger(self) -> str:
        """The short name of the messenger: `test`."""
        return "test"

    @property
    def capabilities(self) -> Capabilities:
        """What the messenger can do."""
        return self._capabilities

    @property
    def calls(self) -> tuple[Call, ...]:
        """Everything that the bot was told to do, in this order."""
        return tuple(self._calls)

    def calls_of(self, method: Method, chat_id: int | None = None) -> tuple[Call, ...]:
        """The calls of one kind, of one chat if it is given."""
        which = Which(method, chat_id)
        return tuple(call for call in self._calls if which.matches(call))

    def messages(self, chat_id: int) -> tuple[ShownMessage, ...]:
        """What can be seen in a chat now, oldest first."""
        return self._messages.of(chat_id)

    def message(self, message_id: str) -> ShownMessage | None:
        """A message that can be seen now; None if it is deleted."""
        return self._messages.get(message_id)

    def history(self, message_id: str) -> tuple[View, ...]:
        """Everything that a message of the bot has shown, the newest last."""
        return self._messages.history(message_id)

    def limit(self, calls_per_second: int | None) -> None:
        """Allow so many calls of each kind for a chat from now on; None for any number."""
        self._limits = None
        if calls_per_second is not None:
            self._limits = Buckets(calls_per_second, 1.0, clock=LoopClock())

    def hold(self, method: Method | None = None, *, chat_id: int | None = None) -> Hold:
        """Make calls wait before they have an effect.

        Args:
            method: Only calls of this kind.
            chat_id: Only calls for this chat.

        Returns:
            What lets them go: at the end of `with bot.hold():`, or by `release`.
        """
        hold = Hold(Which(method, chat_id))
        self._holds = [*(held for held in self._holds if not held.is_open), hold]
        return hold

    def fail(
        self,
        *errors: MessengerError,
        method: Method | None = None,
        chat_id: int | None = None,
    ) -> Failures:
        """Make the next calls raise errors, one each, without an effect.

        Args:
            errors: The errors.
            method: Only calls of this kind.
            chat_id: Only calls for this chat.

        Returns:
            The errors that are still to be raised.
        """
        failures = Failures(Which(method, chat_id), list(errors))
        self._failures.append(failures)
        return failures

    def remove(self, message_id: str) -> None:
        """Delete a message as a user does: the bot is not told."""
        self._messages.remove(message_id)

    def update(
        self,
        event: str,
        chat_id: int,
        user_id: int | None = None,
        **fields: object,
    ) -> Raw:
        """Make a raw update, to be given to `Runtime.accept`.

        Args:
            event: Its kind, as routers know it, such as `user_added`.
            chat_id: Where it happens.
            user_id: Who does it.
            fields: What else this kind has, such as `payload` or `title`.
        """
        return make(event, f"u{next(self._numbers)}", chat_id, user_id, fields)

    def wrote(
        self,
        chat_id: int,
        user_id: int | None,
        text: str,
        *,
        reply_to: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Raw:
        """Have somebody write a message, and make the update about it.

        Args:
            chat_id: Where.
            user_id: Who.
            text: What.
            reply_to: The message that it answers.
            attachments: What it holds besides.
        """
        message = self._show(chat_id, user_id, View(text))
        answered = None if reply_to is None else self._messages[reply_to]
        raw = written(message, attachments, answered)
        return self.update("message", chat_id, user_id, message=raw)

    def pressed(
        self,
        chat_id: int,
        user_id: int | None,
        payload: str,
        *,
        message_id: str | None,
    ) -> Raw:
        """Have somebody press a button, and make the update about it.

        Args:
            chat_id: Where.
            user_id: Who.
            payload: What the button carries; nobody checks that there is one.
            message_id: The message that holds the button; None if it is gone.
        """
        callback_id = f"c{next(self._numbers)}"
        self._presses[callback_id] = message_id
        message = None if message_id is None else self._messages[message_id]
        return self.update(
            "callback_query",
            chat_id,
            user_id,
            callback_id=callback_id,
            payload=payload,
            message=None if message is None else message.to_raw(),
        )

    def parse(self, raw: Mapping[str, object]) -> Update:
        """Make the update of its raw form.

        Raises:
            UnknownUpdateError: Its type is not known.
            MalformedUpdateError: Something is missing in it.
        """
        return parse(raw, self)

    def is_newer(self, message_id: str, than: str) -> bool:
        """Whether a message came after another one: its number is higher."""
        return int(message_id[1:]) > int(than[1:])

    async def start(self) -> None:
        """Do nothing: there is nothing to connect to."""

    async def close(self) -> None:
        """Do nothing."""

    async def ready(self, chat_id: int, kind: CallKind = "edit") -> None:
        """Wait until the limit allows one more call of a kind for this chat."""
        if self._limits is not None:
            await self._limits.of((chat_id, kind)).take()

    def ready_now(self, chat_id: int, kind: CallKind = "edit") -> bool:
        """Take the right to one more call if it needs no waiting."""
        return self._limits is None or self._limits.of((chat_id, kind)).try_take()

    async def send_now(
        self, chat_id: int, view: View, *, reply_to: str | None = None
    ) -> str:
        """Show a new message."""
        call = self._call(
            Method.SEND,
            chat_id,
            f"m{next(self._numbers)}",
            view=view,
            reply_to=reply_to,
        )
        async with self._made(call):
            self._show(chat_id, None, view, call.message_id)
        return str(call.message_id)

    async def edit_now(self, chat_id: int, message_id: str, view: View) -> None:
        """Change a message.

        Raises:
            MessageGoneError: There is none of this id.
        """
        async with self._made(self._call(Method.EDIT, chat_id, message_id, view=view)):
            self._messages.change(Method.EDIT, message_id, view)

    async def remove_keyboard_now(self, chat_id: int, message_id: str) -> None:
        """Take the buttons away from a message.

        Raises:
            MessageGoneError: There is none of this id.
        """
        async with self._made(self._call(Method.REMOVE_KEYBOARD, chat_id, message_id)):
            message = self._messages.find(Method.REMOVE_KEYBOARD, message_id)
            view = replace(message.view, keyboard=())
            self._messages.change(Method.REMOVE_KEYBOARD, message_id, view)

    async def delete_now(self, chat_id: int, message_id: str) -> None:
        """Delete a message.

        Raises:
            MessageGoneError: There is none of this id.
        """
        async with self._made(self._call(Method.DELETE, chat_id, message_id)):
            self._messages.find(Method.DELETE, message_id)
            self._messages.remove(message_id)

    async def act_now(self, chat_id: int, action: str) -> None:
        """Show what the bot is doing, which nobody looks at here."""
        async with self._made(self._call(Method.ACT, chat_id, None, action=action)):
            pass

    async def look_up_now(
        self, chat_id: int, user_id: int | None
    ) -> tuple[Chat, User | None]:
        """Say what a chat is, and who a user of it is: everybody is a member."""
        async with self._made(self._call(Method.LOOK_UP, chat_id, None)):
            user = None if user_id is None else user_of(user_id)
            return Chat(chat_id, chat_type(chat_id)), user

    async def answer_now(
        self,
        chat_id: int,
        callback_id: str,
        *,
        view: View | None = None,
        notification: str | None = None,
    ) -> None:
        """Answer a press, once.

        Raises:
            BadRequestError: Nobody has pressed, or it is answered already.
            MessageGoneError: The message that is to change is gone.
        """
        call = self._call(
            Method.ANSWER,
            chat_id,
            self._presses.get(callback_id),
            view=view,
            callback_id=callback_id,
            notification=notification,
        )
        async with self._made(call):
            if callback_id not in self._presses:
                raise BadRequestError("answer", f"no press {callback_id} is open")
            if view is not None:
                self._messages.change(Method.ANSWER, str(call.message_id), view)
            del self._presses[callback_id]

    def _call(
        self,
        method: Method,
        chat_id: int,
        message_id: str | None,
        *,
        view: View | None = None,
        callback_id: str | None = None,
        notification: str | None = None,
        reply_to: str | None = None,
        action: str | None = None,
    ) -> Call:
        return Call(
            method=method,
            chat_id=chat_id,
            message_id=message_id,
            view=view,
            callback_id=callback_id,
            notification=notification,
            reply_to=reply_to,
            action=action,
            time=asyncio.get_running_loop().time(),
        )

    @asynccontextmanager
    async def _made(self, call: Call) -> AsyncGenerator[None]:
        """Record a call, hold it, let it fail; or else let it have its effect."""
        place = len(self._calls)
        self._calls.append(call)
        planned = next(filter(None, (each.take(call) for each in self._failures)), None)
        for hold in self._holds:
            await hold.hold(call)
        try:
            if planned is not None:
                raise planned
            yield
        except MessengerError as error:
            self._calls[place] = replace(call, error=error)
            raise

    def _show(
        self,
        chat_id: int,
        user_id: int | None,
        view: View,
        message_id: str | None = None,
    ) -> ShownMessage:
        name = message_id or f"m{next(self._numbers)}"
        message = ShownMessage(name, chat_id, user_id, view)
        self._messages.show(message)
        return message
