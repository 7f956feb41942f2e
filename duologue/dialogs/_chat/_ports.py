"""What conversations need from a messenger, as protocols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, cast, runtime_checkable

from duologue.dialogs._chat._calls import MessengerCalls
from duologue.dialogs._chat._chat import Chat, User, View
from duologue.dialogs._chat._sent import Sent, act, delete, edit, send
from duologue.dialogs._chat._views import Buttons, as_view
from duologue.errors import RuntimeSettingError


class Bot(MessengerCalls, Protocol):
    """One account of a messenger, seen from the dialogs.

    An adapter derives from it and makes the calls of `MessengerCalls`. What is made of
    them here is for handlers and everybody else: inside a turn it leaves with the commit,
    in order with the windows, and not at all if the turn fails; outside of one it waits
    for the limits and is done when it returns.
    """

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

    def is_newer(self, message_id: str, than: str) -> bool:  # noqa: ARG002
        """Whether a message came after another one of its chat, as far as ids tell.

        Where they tell nothing it is False, and nothing is taken for newer.
        """
        return False

    async def send(
        self,
        chat_id: int,
        view: str | View,
        *,
        reply_to: str | None = None,
        at_once: bool = False,
    ) -> Sent:
        """Send a new message.

        Args:
            chat_id: Where.
            view: What: a view, or just its text.
            reply_to: The message that it answers.
            at_once: Whether it is sent now, also inside a turn: before what the turn
                has queued, and for good even if the turn fails.

        Returns:
            What edits and deletes it, and knows its id when it is sent.

        Raises:
            MessageTextError: No messenger takes the text.
        """
        return await send(self, chat_id, view, reply_to=reply_to, at_once=at_once)

    async def edit(
        self, chat_id: int, message_id: str | Sent, view: str | View
    ) -> None:
        """Replace text and keyboard of a message of the bot.

        Raises:
            MessageTextError: No messenger takes the text.
        """
        await edit(self, chat_id, message_id, view)

    async def delete(self, chat_id: int, message_id: str | Sent) -> None:
        """Delete a message."""
        await delete(self, chat_id, message_id)

    async def send_message(
        self,
        chat_id: int,
        text: str,
        *,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        show_link_preview: bool = True,
        at_once: bool = False,
    ) -> Sent:
        """Send a text; see `send` and `Message.answer`."""
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        return await send(self, chat_id, view, at_once=at_once)

    async def edit_message_text(
        self,
        text: str,
        *,
        chat_id: int,
        message_id: str | Sent,
        parse_mode: str | None = None,
        reply_markup: Buttons = (),
        show_link_preview: bool = True,
    ) -> None:
        """Replace the text of a message, and its buttons; see `edit`."""
        view = as_view(
            text, parse_mode, reply_markup, show_link_preview=show_link_preview
        )
        await edit(self, chat_id, message_id, view)

    async def delete_message(self, chat_id: int, message_id: str | Sent) -> None:
        """Delete a message; see `delete`."""
        await delete(self, chat_id, message_id)

    async def send_chat_action(self, chat_id: int, action: str = "typing") -> None:
        """Show for some seconds what the bot is doing, at once also inside a turn.

        What the messenger does not take is logged and nothing more.

        Args:
            chat_id: Where.
            action: `typing`, `upload_photo`, `upload_video`, `upload_voice`,
                `upload_document`, or the messenger's own name.
        """
        await act(self, chat_id, action)


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
