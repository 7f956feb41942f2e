"""A chat to try dialogs in: users write and press, the test looks at the screen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from duologue.actors import Counts, Engine, MemoryEngine
from duologue.dialogs import Attachment, BgManager, Dispatcher, Settings
from duologue.dialogs._chat._data import Json
from duologue.errors import LinkPressedError, NotShownError
from duologue.runtime import Runtime
from duologue.testing._bot import RecordingBot
from duologue.testing._shown import Raw, ShownMessage


class Playground:
    """Runs a dispatcher with a messenger in memory.

    `async with Playground(dispatcher) as chat:` starts a runtime on the running
    loop. Leaving the block drains it, and raises the errors of turns and tasks
    that nobody awaited, unless `take_errors` has been called for them. Each user
    has a private chat with the number of the user; negative numbers are groups.

    Args:
        dispatcher: The routers and dialogs.
        bot: The messenger; a `RecordingBot()` by default.
        engine: Where mailboxes and state are; a `MemoryEngine()` by default.
        settings: How conversations behave.
        drain: Seconds for finishing when the block is left.

    Attributes:
        bot: The messenger: what it was told, and how to hold or fail its calls.
        counts: What the runtime has counted.
        engine: Where mailboxes and state are.
        runtime: The runtime.
        updates: The raw updates that were delivered, oldest first.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        bot: RecordingBot | None = None,
        engine: Engine | None = None,
        settings: Settings = Settings(),  # noqa: B008  # it is frozen
        drain: float = 10.0,
    ) -> None:
        self.bot: RecordingBot = RecordingBot() if bot is None else bot
        self.engine: Engine = MemoryEngine() if engine is None else engine
        self.counts: Counts = Counts()
        self.updates: list[Raw] = []
        self._errors: list[BaseException] = []
        self._stack = AsyncExitStack()
        self.runtime: Runtime = Runtime(
            dispatcher,
            [self.bot],
            engine=self.engine,
            polling=None,
            settings=settings,
            drain=drain,
            on_error=self._note,
            observer=self.counts,
        )

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.runtime)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain and stop.

        Raises:
            BaseExceptionGroup: Errors that nobody awaited and nobody took.
        """
        await self._stack.__aexit__(kind, error, traceback)
        if error is not None:
            for failed in self._errors:
                error.add_note(f"a turn or a task failed before: {failed!r}")
        elif self._errors:
            raise BaseExceptionGroup(
                "errors in turns or tasks; call take_errors() if they are expected",
                self.take_errors(),
            )

    @property
    def errors(self) -> tuple[BaseException, ...]:
        """The errors that nobody awaited, in the order in which they happened."""
        return tuple(self._errors)

    def take_errors(self) -> list[BaseException]:
        """Return the errors that nobody awaited, and forget them."""
        taken, self._errors = self._errors, []
        return taken

    async def say(
        self,
        user_id: int,
        text: str,
        *,
        chat_id: int | None = None,
        reply_to: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> str:
        """Write a message as a user. Returns when the runtime has accepted it.

        Args:
            user_id: Who.
            text: What.
            chat_id: Where; the private chat of the user by default.
            reply_to: The id of the message that it answers.
            attachments: What it holds besides.

        Returns:
            The id of the message.
        """
        raw = self.bot.wrote(
            _chat(user_id, chat_id),
            user_id,
            text,
            reply_to=reply_to,
            attachments=attachments,
        )
        message: Json = raw["message"]
        await self.deliver(raw)
        return str(message["id"])

    async def click(
        self,
        user_id: int,
        label: str,
        *,
        chat_id: int | None = None,
        message_id: str | None = None,
    ) -> str:
        """Press a button as a user. Returns when the runtime has accepted it.

        Args:
            user_id: Who.
            label: What is written on the button.
            chat_id: Where; the private chat of the user by default.
            message_id: The message that holds it; by default the newest message
                of the bot that has such a button.

        Returns:
            The id of the press.

        Raises:
            NotShownError: There is no such button.
            LinkPressedError: It opens a link, and pressing it reaches no bot.
        """
        where = _chat(user_id, chat_id)
        shown = self._shown(where)
        for message in reversed(shown):
            payload = message.payload_of(label)
            if payload is not None and message_id in (None, message.id):
                return await self.press(
                    user_id, payload, chat_id=where, message_id=message.id
                )
        raise _not_pressed(label, where, shown, message_id) from self._failure()

    async def press(
        self,
        user_id: int,
        payload: str,
        *,
        chat_id: int | None = None,
        message_id: str | None = None,
    ) -> str:
        """Send a press with any payload, whether there is such a button or not.

        Args:
            user_id: Who.
            payload: What the press carries.
            chat_id: Where; the private chat of the user by default.
            message_id: The message that it names; None for one that is gone.

        Returns:
            The id of the press.
        """
        raw = self.bot.pressed(
            _chat(user_id, chat_id), user_id, payload, message_id=message_id
        )
        await self.deliver(raw)
        return str(raw["callback_id"])

    async def happen(
        self,
        event: str,
        user_id: int | None,
        *,
        chat_id: int | None = None,
        **fields: object,
    ) -> None:
        """Have something else happen, such as `bot_started`.

        Args:
            event: Its kind, as routers know it.
            user_id: Who does it.
            chat_id: Where; the private chat of the user by default.
            fields: What else this kind has: `payload`, `title`, `message_id`.
        """
        where = _chat(user_id or 0, chat_id)
        await self.deliver(self.bot.update(event, where, user_id, **fields))

    async def deliver(self, raw: Raw) -> None:
        """Have the runtime accept a raw update; again, if it is an old one."""
        self.updates.append(raw)
        await self.runtime.accept(self.bot, raw)

    async def settled(self) -> None:
        """Wait until everything accepted so far is handled and drawn."""
        await self.runtime.settled()

    def messages(self, chat_id: int) -> tuple[ShownMessage, ...]:
        """What can be seen in a chat now, oldest first."""
        return self.bot.messages(chat_id)

    def screen(self, user_id: int, *, chat_id: int | None = None) -> ShownMessage:
        """The newest message of the bot.

        Args:
            user_id: Whose private chat to look at.
            chat_id: Another chat.

        Raises:
            NotShownError: The bot shows nothing there.
        """
        where = _chat(user_id, chat_id)
        shown = self._shown(where)
        if not shown:
            raise NotShownError("a message of the bot", where, ()) from self._failure()
        return shown[-1]

    def dialog(self, user_id: int, *, chat_id: int | None = None) -> BgManager:
        """A background manager for the dialogs of a user.

        Args:
            user_id: Who.
            chat_id: Where; the private chat of the user by default.
        """
        return self.runtime.dialog(
            self.bot, chat_id=_chat(user_id, chat_id), user_id=user_id
        )

    def _shown(self, chat_id: int) -> list[ShownMessage]:
        return [
            message for message in self.bot.messages(chat_id) if message.user_id is None
        ]

    def _failure(self) -> BaseException | None:
        """Why something may be missing: what failed and was not taken yet."""
        if len(self._errors) < 2:  # noqa: PLR2004  # one needs no group
            return self._errors[0] if self._errors else None
        return BaseExceptionGroup("turns or tasks failed", self._errors)

    def _note(self, error: BaseException, where: str, /) -> None:
        del where
        self._errors.append(error)


def _not_pressed(
    label: str, chat_id: int, shown: Sequence[ShownMessage], message_id: str | None
) -> LinkPressedError | NotShownError:
    """Why a button cannot be pressed."""
    for message in reversed(shown):
        url = message.url_of(label)
        if url is not None and message_id in (None, message.id):
            return LinkPressedError(label, chat_id, url)
    rows = [row for message in shown for row in message.labels]
    labels = tuple(label for row in rows for label in row)
    return NotShownError(f"a button {label!r}", chat_id, labels)


def _chat(user_id: int, chat_id: int | None) -> int:
    return user_id if chat_id is None else chat_id
