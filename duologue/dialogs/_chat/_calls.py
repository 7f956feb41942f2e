"""The calls that a messenger offers: raw, each after the right to it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from duologue.dialogs._chat._chat import Chat, User, View


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a messenger can do, and how much of it.

    Attributes:
        answer_carries_view: Whether the answer to a callback may also change
            the message that holds the button.
        text_limit: Characters in a message.
        payload_limit: Bytes in the payload of a button, 45 or more.
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


class MessengerCalls(Protocol):
    """What one account of a messenger can be told to do.

    The calls whose names end in `now` are made at once: they neither wait for the limits
    nor for the commit of a turn. Handlers use those of `Bot`. Every call may raise the
    errors under `duologue.errors.MessengerError`.
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

    async def send_now(
        self, chat_id: int, view: View, *, reply_to: str | None = None
    ) -> str:
        """Send a new message and return its id.

        Args:
            chat_id: Where.
            view: What.
            reply_to: The message that it answers.
        """
        ...

    async def edit_now(self, chat_id: int, message_id: str, view: View) -> None:
        """Replace text and keyboard of a message of the bot."""
        ...

    async def remove_keyboard_now(self, chat_id: int, message_id: str) -> None:
        """Take the buttons away from a message of the bot and leave its text."""
        ...

    async def delete_now(self, chat_id: int, message_id: str) -> None:
        """Delete a message."""
        ...

    async def answer_now(
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

    async def act_now(self, chat_id: int, action: str) -> None:
        """Show for some seconds what the bot is doing; waits for the limits itself.

        Args:
            chat_id: Where.
            action: `typing`, `upload_photo`, `upload_video`, `upload_voice`,
                `upload_document`, or the messenger's own name.
        """
        ...

    async def look_up_now(
        self, chat_id: int, user_id: int | None
    ) -> tuple[Chat, User | None]:
        """Ask what a chat is, and who a user of it is; waits for the limits itself.

        Args:
            chat_id: The chat.
            user_id: A member of it; None to ask for the chat only.
        """
        ...
