"""Recipients: whom messages of other programs reach, as the doors see them."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from duologue.errors import UnknownRefError
from duologue.messages._events import Event
from duologue.messages._refs import Ref


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message.

    Attributes:
        status: `committed`; `covered` of an update of a dialog on top of which another
            one lies; `duplicate` of one that was handled before; or `answered`.
        version: The version of the state that holds what it changed; None without one.
        type: The tag of the answer's class; None if it is plain JSON.
        data: The answer.
    """

    status: str
    version: int | None = None
    type: str | None = None
    data: object = None


def shown(result: Result) -> dict[str, object]:
    """A result as other programs are told of it."""
    said: dict[str, object] = {"status": result.status}
    if result.version is not None:
        said["version"] = result.version
    if result.status == "answered":
        said |= {"type": result.type, "data": result.data}
    return said


class Recipient(Protocol):
    """The actors of one type."""

    def classes(self, *, asked: bool) -> Sequence[type[object]]:
        """The classes of the messages that are taken."""
        ...

    def check(self, event: Event, *, asked: bool) -> None:
        """See that a message can be taken.

        Raises:
            RemoteMessageError: It cannot.
        """
        ...

    async def tell(self, events: Sequence[Event]) -> None:
        """Put messages to one actor into its mailbox; wait while that is full."""
        ...

    async def send(
        self, event: Event, *, asked: bool
    ) -> Coroutine[object, object, Result]:
        """Put a message into its mailbox; awaiting what this gives tells its outcome."""
        ...


class Recipients:
    """All whom messages reach, by the type in their refs.

    Args:
        by_type: They; what comes first counts.
    """

    def __init__(self, *by_type: Mapping[str, Recipient]) -> None:
        self._by_type = by_type

    def of(self, ref: Ref) -> Recipient:
        """Who takes the messages to an actor.

        Raises:
            UnknownRefError: Nobody does.
        """
        for known in self._by_type:
            if ref.type in known:
                return known[ref.type]
        types = ", ".join(name for known in self._by_type for name in known)
        raise UnknownRefError(str(ref), f"known types are {types or 'none'}")

    def classes(self, *, asked: bool) -> Sequence[type[object]]:
        """The classes of all messages that are taken."""
        return tuple(
            cls
            for known in self._by_type
            for recipient in known.values()
            for cls in recipient.classes(asked=asked)
        )
