"""State of another program."""

from __future__ import annotations

from typing import TypeAlias, cast

from duologue.messages import Ref
from duologue.messages._states import STATE, StateGet, StateIncr, StateSet
from duologue.remote._refs import RemoteRef, Sender

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""What comes over the wire."""


class RemoteState:
    """The State of a class for a place, in another program.

    What is asked for is whole, as it is there. A call that may have arrived is not made
    again, so an `incr` without an answer may have counted.
    """

    __slots__ = ("_ref",)

    def __init__(self, ref: RemoteRef) -> None:
        self._ref = ref

    def __str__(self) -> str:
        return str(self._ref)

    def __repr__(self) -> str:
        return f"<RemoteState {self._ref}>"

    async def get(self, key: str | None = None, *, timeout: float = 5.0) -> Value:  # noqa: ASYNC109  # it travels
        """The value of a name, or all values by their names.

        Raises:
            UnknownRefError: The other program does not show it.
            AskTimeoutError: There was no answer in time.
            DuologueError: Why there is none.
        """
        return cast("Value", await self._ref.ask(StateGet(key), timeout=timeout))

    async def set(self, *, timeout: float = 5.0, **values: object) -> Value:  # noqa: ASYNC109  # it travels
        """Write some values; return all values after that.

        Raises:
            UnknownRefError: The other program does not show it.
            AskTimeoutError: There was no answer in time.
            DuologueError: Why there is none.
        """
        return cast("Value", await self._ref.ask(StateSet(values), timeout=timeout))

    async def incr(self, key: str, by: float = 1, *, timeout: float = 5.0) -> Value:  # noqa: ASYNC109  # it travels
        """Add to a number; return it after that.

        Raises:
            UnknownRefError: The other program does not show it.
            AskTimeoutError: There was no answer in time; it may have been added.
            DuologueError: Why there is none.
        """
        return cast("Value", await self._ref.ask(StateIncr(key, by), timeout=timeout))


def state_ref(
    name: str,
    sender: Sender,
    *,
    bot: str | None,
    chat_id: int | None,
    user_id: int | None,
    operation_id: str | None,
) -> RemoteState:
    """The State of a class for a place.

    Raises:
        InvalidRefError: There can be no such State.
    """
    parts: list[object] = [name]
    number = chat_id if user_id is None else user_id
    if operation_id is not None:
        parts.append(operation_id)
    elif number is not None:
        parts += [bot or "", number]
    elif bot is not None:
        parts.append(bot)
    key = ":".join(str(part) for part in parts)
    return RemoteState(RemoteRef(Ref(STATE, key), sender))
