"""What conversations need from a messenger, as protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, cast, runtime_checkable

from duologue.dialogs._chat._chat import Chat, User, View
from duologue.errors import RuntimeSettingError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a messenger can do, and how much of it.

    Attributes:
        answer_carries_view: Whether the answer to a callback may also change
            the message that holds the button.
        text_limit: Characters in a message.
        payload_limit: Bytes in the payload of a button.
        button_text_limit: Characters on a button.
        max_rows: Rows of a keyboard.
        max_columns: Buttons in a row.
        max_buttons: Buttons in a keyboard.
        answer_deadline: Seconds after which a press should have been answered.
        max_columns_with_link: Buttons in a row that holds a link; None if that
            makes no difference.
    """

    answer_carries_view: bool
    text_limit: int
    payload_limit: int
    button_text_limit: int
    max_rows: int
    max_columns: int
    max_buttons: int
    answer_deadline: float
    max_columns_with_link: int | None = None


CallKind: TypeAlias = Literal["send", "edit", "delete", "answer"]
"""What messengers limit for a chat, each by itself."""


class Bot(Protocol):
    """One account of a messenger, seen from the dialogs.

    Every call may raise the errors under
    `duologue.errors.MessengerError`.
    """

    @property
    def id(self) -> int:
        """The account's number; known after `start`.

        Raises:
            BotNotStartedError: Nobody has called `start` yet.
        """
        ...

    @property
    def messenger(self) -> str:
        """The short name of the messenger, such as `max`."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this messenger can do."""
        ...

    def parse(self, raw: Mapping[str, object]) -> Update:
        """Make the update of the messenger's own form.

        Raises:
            UnknownUpdateError: Its type is not known here.
            MalformedUpdateError: It does not have the documented shape.
        """
        ...

    async def start(self) -> None:
        """Connect and learn the account's own id. Calling it again is harmless."""
        ...

    async def close(self) -> None:
        """Give back connections. Calling it again is harmless."""
        ...

    async def ready(self, chat_id: int, kind: CallKind = "edit") -> None:
        """Wait until the limits allow one more call for this chat, and take it.

        Args:
            chat_id: The chat.
            kind: What the call does. An answer that carries a view is an answer, and
                to take buttons away is an edit.
        """
        ...

    def ready_now(self, chat_id: int, kind: CallKind = "edit") -> bool:
        """Take the right to one more call for this chat if it needs no waiting."""
        ...

    async def send(self, chat_id: int, view: View) -> str:
        """Send a new message and return its id."""
        ...

    async def edit(self, chat_id: int, message_id: str, view: View) -> None:
        """Replace text and keyboard of a message of the bot."""
        ...

    async def remove_keyboard(self, chat_id: int, message_id: str) -> None:
        """Take the buttons away from a message of the bot and leave its text."""
        ...

    async def delete(self, chat_id: int, message_id: str) -> None:
        """Delete a message."""
        ...

    async def answer(
        self,
        chat_id: int,
        callback_id: str,
        *,
        view: View | None = None,
        notification: str | None = None,
    ) -> None:
        """Answer a press.

        Args:
            chat_id: Where the press happened.
            callback_id: Which press.
            view: The new look of the message that holds the button; only for
                messengers whose `capabilities.answer_carries_view` is true.
            notification: A short notice to show. With neither, the press is
                acknowledged without a visible effect.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What all updates share.

    Attributes:
        id: Recognises a repeated delivery; unique within a bot.
        bot: The bot that received it.
        chat: Where it happened.
        user: Who did it; None where the messenger names nobody.
        thread_id: The topic inside the chat, if the messenger has topics.
        timestamp: When it happened, in UTC.
        raw: The update as the messenger sent it.
    """

    id: str
    bot: Bot
    chat: Chat
    user: User | None
    timestamp: datetime
    raw: Mapping[str, object] = field(repr=False)
    thread_id: int | None = None

    @property
    def chat_id(self) -> int:
        """The number of the chat."""
        return self.chat.id

    @property
    def user_id(self) -> int | None:
        """The number of the user, if the messenger names one."""
        return None if self.user is None else self.user.id


@runtime_checkable
class UpdateSource(Bot, Protocol):
    """A bot that can be asked for its updates (long polling)."""

    @property
    def base_url(self) -> str:
        """Where the messenger is; positions in its updates are kept apart by it."""
        ...

    async def get_updates(
        self,
        *,
        marker: int | None,
        limit: int,
        timeout: float,  # noqa: ASYNC109  # the messenger holds the request so long
        types: Sequence[str] | None,
    ) -> Batch:
        """Ask once; return what is there after at most `timeout` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """The answer to one poll.

    Attributes:
        updates: The updates as the messenger sent them, in order; anything
            that is not an object has been kept as it came.
        marker: The position after them, or None if the messenger named none.
    """

    updates: Sequence[Mapping[str, object]]
    marker: int | None


def checked_bots(given: object) -> tuple[Bot, ...]:
    """Give back what must be bots.

    Args:
        given: What somebody has given; never shown, since it may be a token.

    Raises:
        RuntimeSettingError: They are none.
    """
    if not isinstance(given, Iterable):
        name = type(given).__name__
        problem = f"a {name} is no list of bots; write Runtime(dispatcher, [bot])"
        raise RuntimeSettingError("bots", problem)
    bots = tuple(cast("Iterable[Bot]", given))
    for bot in bots:
        _check_bot(bot)
    return bots


def _check_bot(bot: object) -> None:
    if isinstance(bot, type):
        name = bot.__name__
        problem = f"the class {name} is no bot; give an instance: {name}()"
        raise RuntimeSettingError("bots", problem)
    if not callable(getattr(bot, "parse", None)):
        raise RuntimeSettingError(
            "bots",
            f"a {type(bot).__name__} is no bot; give each by itself: "
            "Runtime(dispatcher, [bot, other]) or LongPolling(...).run(bot, other)",
        )
