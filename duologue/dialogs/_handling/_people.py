"""Who it is: kept from updates, for events that name only the address."""

from __future__ import annotations

from duologue.dialogs._chat._ports import Update
from duologue.dialogs._state._commands import Introduced
from duologue.dialogs._state._turn import Turn


def remember(turn: Turn, update: Update) -> None:
    """Keep who it is, for events that name only the address."""
    user = update.user
    about = ["", None, None]
    if user is not None:
        about = [user.name, user.username, user.language_code]
    turn.snapshot.who = [update.chat.type.value, *about]


def introduce(turn: Turn, said: Introduced) -> None:
    """Keep who it is; a language that the messenger does not say stays as it was."""
    known = turn.snapshot.who
    language = said.language_code or (known[3] if known else None)
    turn.snapshot.who = [said.chat_type, said.name, said.username, language]
    turn.is_changed = True
