"""The private chats of users, for presses and messages that do not name theirs."""

from __future__ import annotations

_MAX = 10_000


class PrivateChats(dict[int, int]):
    """The private chat of each user, as far as it is known, for the newest 10,000."""

    def note(self, user_id: int, chat_id: int) -> None:
        """Keep a chat, and forget the oldest if there are many."""
        self[user_id] = chat_id
        if len(self) > _MAX:
            del self[next(iter(self))]
