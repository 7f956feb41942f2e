"""What users do, decided by a seed, and what they are owed for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.transport.sandbox import Click, Say
from duologue.transport.sandbox._world._values import Message
from tests.reliability.bot import BUTTONS
from tests.reliability.messenger import Messenger

KINDS = ("edit", "edit", "edit", "slow", "send", "resend", "say", "cast")
PRESSES = 0.25  # how often users press, where they can


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a user did.

    Attributes:
        name: What the state is to hold for it.
        kind: What the user wanted.
        chat_id: Where a broadcast goes, else the chat of the user.
        is_press: Whether it was a press.
        is_sure: Whether it was a press on what the chat showed last and whole, which
            nothing may refuse.
        message_id: What was pressed.
    """

    name: str
    kind: str
    chat_id: int
    is_press: bool = False
    is_sure: bool = False
    message_id: str = ""


class User:
    """A user, and all that the user did."""

    def __init__(self, user_id: int, chat_id: int) -> None:
        self.user_id = user_id
        self.chat_id = chat_id
        self.acts: list[Act] = []


class Crowd:
    """Users that act one after another, as a seed decides."""

    def __init__(
        self, rng: random.Random, users: Sequence[User], boards: Sequence[int]
    ) -> None:
        self._rng = rng
        self.users = users
        self._boards = boards
        self._names = 0
        self.said = self.presses = 0

    def act(self, messenger: Messenger) -> None:
        """Let some user do something."""
        user = self._rng.choice(self.users)
        wants_press, button = self._rng.random() < PRESSES, self._rng.choice(BUTTONS)
        kind, board = self._rng.choice(KINDS), self._rng.choice(self._boards)
        shown = screen(messenger, user.chat_id) if wants_press else None
        if shown is None:
            self._say(messenger, user, kind, board)
        else:
            self._press(messenger, user, shown, button)

    def _say(self, messenger: Messenger, user: User, kind: str, board: int) -> None:
        self._names += 1
        name, chat_id = f"m{self._names}", board if kind == "cast" else user.chat_id
        text = f"{kind} {name} {board}" if kind == "cast" else f"{kind} {name}"
        messenger.say_or_press(Say(user.user_id, text))
        user.acts.append(Act(name, kind, chat_id))
        self.said += 1

    def _press(
        self, messenger: Messenger, user: User, shown: Message, button: str
    ) -> None:
        names = set(shown.content.text.split())
        is_sure = all(act.name in names for act in user.acts)
        done = messenger.say_or_press(Click(user.user_id, shown.id, text=button))
        assert done.callback_id is not None
        user.acts.append(
            Act(
                done.callback_id,
                button,
                user.chat_id,
                is_press=True,
                is_sure=is_sure,
                message_id=shown.id,
            )
        )
        self.presses += 1


def screen(messenger: Messenger, chat_id: int) -> Message | None:
    """The newest message of a chat with buttons."""
    for message in reversed(messenger.visible(chat_id)):
        if message.content.keyboard:
            return message
    return None
