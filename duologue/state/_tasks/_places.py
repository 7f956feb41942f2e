"""Where a task was started: whose States it is given."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.actors._workers._durable import Shown
from duologue.state._handle import Declared
from duologue.state._parameters import Make
from duologue.state._states import States


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation, or nothing in particular.

    Attributes:
        bot: The name of its bot, such as `max.42`.
        chat_id: Its chat.
        user_id: Its user.
        shown: The dialog that shows the task, if one does.
    """

    bot: str | None = None
    chat_id: int | None = None
    user_id: int | None = None
    shown: Shown | None = None

    def make(self, states: States, operation_id: str | None = None) -> Make:
        """Make what makes the States of this place."""

        def make(cls: type[Declared]) -> Declared:
            return cls.of(
                bot=self.bot,
                chat_id=self.chat_id,
                user_id=self.user_id,
                operation_id=operation_id,
                states=states,
            )

        return make
