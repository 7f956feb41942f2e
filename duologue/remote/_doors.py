"""What the ways to another program have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast
from urllib.parse import urlsplit

from duologue import errors
from duologue.errors import DuologueError, RemoteRefusedError
from duologue.messages import Event
from duologue.messages._recipients import Result


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message is in the mailbox of its actor.

    Attributes:
        id: The message. Whoever sends it again gives this one.
        is_duplicate: Whether it was there already, as far as the door remembers.
    """

    id: str
    is_duplicate: bool = False


Later: TypeAlias = Callable[[], Awaitable[Result]]
"""Tells what became of a message, when its turn has ended."""


def place_of(url: str) -> str:
    """Where a URL leads, without what is secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Door(Protocol):
    """A way to another program."""

    @property
    def place(self) -> str:
        """Where it leads, without what is secret."""
        ...

    async def tell(self, event: Event) -> Accepted:
        """Have a message put into the mailbox of its actor."""
        ...

    async def send(self, event: Event) -> tuple[Accepted, Later]:
        """Do so, and give what tells of its outcome."""
        ...

    async def ask(self, event: Event, timeout: float) -> Result:  # noqa: ASYNC109  # it travels
        """Have a question answered."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


def result_of(said: dict[str, object]) -> Result:
    """What an answer says."""
    version, kind = said.get("version"), said.get("type")
    return Result(
        str(said.get("status")),
        version if isinstance(version, int) else None,
        kind if isinstance(kind, str) else None,
        said.get("data"),
    )


def error_of(status: int, said: dict[str, object]) -> DuologueError:
    """The error that a refusal says, as it would be raised beside the actor."""
    kind = getattr(errors, str(said.get("error")), None)
    values = said.get("values")
    if isinstance(kind, type) and issubclass(kind, DuologueError):
        try:
            return kind(*map(_value, cast("list[object]", values)))
        except TypeError:
            pass
    problem = f"{said.get('error', '')} {said.get('detail', '')}".strip()
    return RemoteRefusedError(status, problem or "it says nothing more")


def _value(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value
