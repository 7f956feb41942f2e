"""How conversations behave, as far as authors decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from duologue.dialogs._handling._notices import Notices
from duologue.dialogs._handling._stale import Stale
from duologue.dialogs._state._modes import ShowMode
from duologue.dialogs._state._states import State
from duologue.errors import RuntimeSettingError

_SECONDS = ("turn_timeout", "foreground_timeout", "idle_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How conversations behave.

    Attributes:
        turn_timeout: Seconds that a turn may take.
        foreground_timeout: Seconds that `fg()` may take, waiting included.
        idle_after: Seconds without mail after which a dialog actor is let go.
        stale: What answers a press whose dialog is gone and, in a private chat, a text
            that nobody takes while nothing is open, as after a restart without state:
            None for a notice; a `State` to start its dialog; or an
            `async def handler(event, dialog_manager)`, which may ask for more by name.
            The message that was pressed loses its buttons.
        notices: What the runtime itself says to users: in one language, or for each by
            its code, as in `{"en": Notices(), "ru": Notices(outdated="…")}`; the first
            is for everybody else.
        untaken_text: How an open dialog shows its window again after a text that
            nobody takes; `ShowMode.NO_UPDATE` leaves it where it is.
        schema: The version of what the program keeps in its dialogs: a number that you
            raise when older programs could not go on with it. State with a higher one
            waits for a program that has it.

    Raises:
        RuntimeSettingError: One of them is something else.
    """

    turn_timeout: float = 30.0
    foreground_timeout: float = 30.0
    idle_after: float = 60.0
    stale: Stale = None
    notices: Notices | Mapping[str, Notices] = field(default_factory=Notices)
    untaken_text: ShowMode = ShowMode.AUTO
    schema: int = 0

    def __post_init__(self) -> None:
        for name in _SECONDS:
            _check_seconds(name, getattr(self, name))
        _check_stale(self.stale)
        _check_notices(self.notices)
        _check_mode(self.untaken_text)
        _check_schema(self.schema)


def _check_seconds(name: str, given: object) -> None:
    if isinstance(given, int | float) and not isinstance(given, bool) and given > 0:
        return  # NaN is not above 0
    problem = f"{given!r} is no number of seconds above 0; write {name}=30.0"
    raise RuntimeSettingError(f"{name}=", problem)


def _check_stale(given: object) -> None:
    if given is not None and not isinstance(given, State) and not callable(given):
        problem = (
            f"{given!r} is neither a State nor an `async def handler(event, "
            "dialog_manager)`"
        )
        raise RuntimeSettingError("stale=", problem)


def _check_mode(given: object) -> None:
    if not isinstance(given, ShowMode):
        problem = f"{given!r} is no ShowMode; write ShowMode.NO_UPDATE, say"
        raise RuntimeSettingError("untaken_text=", problem)


def _check_notices(given: object) -> None:
    texts = [given]
    if isinstance(given, Mapping):
        texts = list(cast("Mapping[object, object]", given).values())
    if not texts or not all(isinstance(one, Notices) for one in texts):
        problem = (
            f"{given!r} holds no Notices; write Notices(...), or for each language "
            '{"en": Notices(...)}'
        )
        raise RuntimeSettingError("notices=", problem)


def _check_schema(given: object) -> None:
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        problem = f"{given!r} is no version; write a whole number that grows"
        raise RuntimeSettingError("schema=", problem)
