"""Long operations of another program, at the door of its actions."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import quote

from duologue.errors import RemoteRefusedError
from duologue.remote._http import HttpDoor

_ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "lost"})


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """How far an operation is.

    Attributes:
        id: The operation.
        state: `pending`, `running`, `cancelling`, or how it has ended.
        value: How much of it is done, from 0 to 1; None if it does not say.
        text: What it says.
        revision: Which of its snapshots this is; later ones have higher numbers.
        fields: Everything that was said.
    """

    id: str
    state: str
    value: float | None
    text: str
    revision: int
    fields: Mapping[str, object]

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in _ENDED


class RemoteOperation:
    """A long operation of another program."""

    __slots__ = ("_door", "_path", "id")

    def __init__(self, door: HttpDoor, name: str) -> None:
        self._door = door
        self._path = f"/operations/{quote(name, safe='')}"
        self.id: str = name

    def __repr__(self) -> str:
        return f"<RemoteOperation {self.id}>"

    async def ping(self) -> OperationStatus:
        """Tell how far it is.

        Raises:
            RemoteRefusedError: There is none of this id for this program.
            RemoteUnavailableError: The other program could not be reached.
        """
        return _status(await self._door.fetch("GET", self._path))

    async def stop(self, reason: str = "") -> OperationStatus:
        """Ask it to stop; it has not done so yet when this returns.

        Raises:
            RemoteRefusedError: There is none of this id for this program.
            RemoteUnavailableError: The other program could not be reached.
        """
        body = {"reason": reason} if reason else {}
        path = f"{self._path}/cancel"
        return _status(await self._door.fetch("POST", path, body))

    async def watch(self) -> AsyncGenerator[OperationStatus]:
        """Its states, each newer than the one before, until it has ended.

        Raises:
            RemoteRefusedError: There is none of this id for this program.
            RemoteUnavailableError: The other program could not be reached.
        """
        last = -1
        while True:
            async for line in self._door.lines(f"{self._path}/events"):
                if line.startswith(b"data:"):
                    status = _status(_object(line[5:]))
                    if status.revision > last:
                        last = status.revision
                        yield status
                    if status.has_ended:
                        return
            status = await self.ping()  # the stream was cut: see whether it goes on
            if status.has_ended:
                if status.revision > last:
                    yield status
                return


def _object(text: bytes) -> dict[str, object]:
    return cast("dict[str, object]", json.loads(text))


def _status(said: Mapping[str, object]) -> OperationStatus:
    value, revision = said.get("value"), said.get("revision")
    if "state" not in said:
        raise RemoteRefusedError(HTTPStatus.BAD_GATEWAY, "this is no operation")
    return OperationStatus(
        str(said.get("id", "")),
        str(said["state"]),
        float(value) if isinstance(value, int | float) else None,
        str(said.get("text", "")),
        revision if isinstance(revision, int) else 0,
        said,
    )
