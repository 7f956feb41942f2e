"""Users who also have one chat tell another, set timers, and count together."""

from __future__ import annotations

from duologue.transport.sandbox import Say
from tests.reliability.messenger import Messenger
from tests.reliability.users import Act, Crowd, User

EXTRAS = ("note", "later", "count")
OFTEN = 0.3


class ChaosCrowd(Crowd):
    """Users of a bot with several processes.

    What an act is about, if not about its own chat, is in its `message_id`.
    """

    def begin(self, messenger: Messenger) -> None:
        """Have every user begin, so that all have a dialog which others can tell."""
        for user in self.users:
            self._say(messenger, user, "edit", user.chat_id)

    def _say(self, messenger: Messenger, user: User, kind: str, board: int) -> None:
        if not user.acts or self._rng.random() > OFTEN:
            super()._say(messenger, user, kind, board)
            return
        kind = self._rng.choice(EXTRAS)
        self.say(messenger, user, kind, self._rng.choice(self.users))

    def say(self, messenger: Messenger, user: User, kind: str, other: User) -> None:
        """Have a user say one thing of those."""
        self._names += 1
        self.said += 1
        name = f"m{self._names}"
        about = f"{other.user_id}:{other.chat_id}" if kind == "note" else "-"
        messenger.say_or_press(Say(user.user_id, f"{kind} {name} {about}"))
        user.acts.append(Act(name, kind, user.chat_id, message_id=str(other.user_id)))
