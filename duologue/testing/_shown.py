"""What the chats of the recording messenger show, and have shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from duologue.dialogs import CallbackButton, InlineButton, Keyboard, LinkButton, View
from duologue.errors import MessageGoneError
from duologue.testing._calls import Method

Raw: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message as the users of a chat see it.

    Attributes:
        id: Its id.
        chat_id: Where it is.
        user_id: Who wrote it; None for the bot.
        view: What it shows.
    """

    id: str
    chat_id: int
    user_id: int | None
    view: View

    @property
    def text(self) -> str:
        """Its text."""
        return self.view.text

    @property
    def keyboard(self) -> Keyboard:
        """The buttons under it."""
        return self.view.keyboard

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """What is written on the buttons, row by row."""
        return tuple(tuple(button.text for button in row) for row in self.keyboard)

    def payload_of(self, label: str) -> str | None:
        """The payload of the first button with this label, None without one."""
        for button in self._labelled(label):
            if isinstance(button, CallbackButton):
                return button.payload
        return None

    def url_of(self, label: str) -> str | None:
        """The address that the first link with this label opens, None without one."""
        for button in self._labelled(label):
            if isinstance(button, LinkButton):
                return button.url
        return None

    def to_raw(self) -> Raw:
        """The message as it stands in an update."""
        return {
            "id": self.id,
            "user_id": self.user_id,
            "text": self.text,
            "keyboard": [
                [_raw_button(button) for button in row] for row in self.keyboard
            ],
            "is_shared": self.view.is_shared,
        }

    def _labelled(self, label: str) -> list[InlineButton]:
        return [
            button for row in self.keyboard for button in row if button.text == label
        ]


class ShownMessages:
    """The messages that can be seen in all chats, each with what it has shown."""

    def __init__(self) -> None:
        self._messages: dict[str, ShownMessage] = {}
        self._histories: dict[str, list[View]] = {}

    def __getitem__(self, message_id: str) -> ShownMessage:
        return self._messages[message_id]

    def get(self, message_id: str) -> ShownMessage | None:
        """A message; None if it is deleted."""
        return self._messages.get(message_id)

    def of(self, chat_id: int) -> tuple[ShownMessage, ...]:
        """The messages of a chat, oldest first."""
        return tuple(
            message for message in self._messages.values() if message.chat_id == chat_id
        )

    def history(self, message_id: str) -> tuple[View, ...]:
        """Everything that a message has shown, the newest last."""
        return tuple(self._histories.get(message_id, ()))

    def show(self, message: ShownMessage) -> None:
        """Show a new message."""
        self._messages[message.id] = message
        self._histories[message.id] = [message.view]

    def find(self, method: Method, message_id: str) -> ShownMessage:
        """A message that a call is about.

        Raises:
            MessageGoneError: There is none of this id.
        """
        message = self.get(message_id)
        if message is None:
            raise MessageGoneError(method, f"there is no message {message_id}")
        return message

    def change(self, method: Method, message_id: str, view: View) -> None:
        """Have a message show something else.

        Raises:
            MessageGoneError: There is none of this id.
        """
        message = self.find(method, message_id)
        self._messages[message_id] = replace(message, view=view)
        self._histories[message_id].append(view)

    def remove(self, message_id: str) -> None:
        """Take a message away; what it has shown is remembered."""
        del self._messages[message_id]


def _raw_button(button: InlineButton) -> list[str | None]:
    if isinstance(button, CallbackButton):
        return [button.text, button.payload, None]
    return [button.text, None, button.url]
