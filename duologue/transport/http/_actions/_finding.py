"""How the operations of a door are found, and what is remembered of those forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, TypeAlias

from duologue.actors import Worker, Workers, WorkerSnapshot
from duologue.errors import (
    RuntimeNotStartedError,
    UnknownWorkerError,
)
from duologue.transport.http._actions._calls import Refusal
from duologue.transport.http._actions._visitors import READ, Visitor
from duologue.transport.http._views._forms import Forms

_MOST = 10_000
_LONGEST_REASON = 200


class HasWorkers(Protocol):
    """Something that has workers while it runs, such as a `Runtime`."""

    @property
    def workers(self) -> Workers:
        """Its workers."""
        ...


Source: TypeAlias = Callable[[], Workers]


def source_of(given: Workers | HasWorkers | Source) -> Source:
    """What gives the workers at each call, so that a door can be there before them."""
    if isinstance(given, Workers):
        return lambda: given
    return given if callable(given) else lambda: given.workers


class Found:
    """The operations that a visitor may see, and no others.

    An operation of somebody else is not told from one that never was. One that was seen
    here and has been forgotten since is: its owner is told so.

    Args:
        source: Gives the workers.
        forms: Names the operations.
    """

    def __init__(self, source: Source, forms: Forms) -> None:
        self._source = source
        self._forms = forms
        self._owners: OrderedDict[str, str] = OrderedDict()

    @property
    def workers(self) -> Workers:
        """The workers.

        Raises:
            Refusal: There are none now.
        """
        try:
            workers = self._source()
        except RuntimeNotStartedError:
            detail = "this program does not run"
        else:
            if not workers.is_stopped:
                return workers
            detail = "this program is stopping"
        headers = {"Retry-After": "5"}
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers)

    @property
    def is_open(self) -> bool:
        """Whether there are workers, and they are not being stopped."""
        try:
            _ = self.workers
        except Refusal:
            return False
        return True

    def remember(self, snapshot: WorkerSnapshot) -> None:
        """Note that an operation has been seen."""
        self._owners[snapshot.id] = snapshot.owner
        self._owners.move_to_end(snapshot.id)
        if len(self._owners) > _MOST:
            self._owners.popitem(last=False)

    def local(self, id: str, visitor: Visitor) -> Worker | None:  # noqa: A002 - as of workers
        """The worker that runs or has run here; None if another process has it."""
        try:
            return self.workers.get(id, owner=visitor.owner)
        except UnknownWorkerError:
            return None

    async def snapshot(self, id: str, visitor: Visitor) -> WorkerSnapshot:  # noqa: A002 - as above
        """What is known of an operation, and what its body says if it is asked.

        Raises:
            Refusal: There is none, not any more, or none for this visitor.
        """
        worker = self.local(id, visitor)
        try:
            if worker is not None and worker.is_active:
                found = await worker.ping()
            else:
                found = await self.workers.find(id, owner=visitor.owner)
        except UnknownWorkerError:
            raise self._missing(id, visitor) from None
        if not visitor.allows(READ, self._forms.name(found)):
            raise self._missing("", visitor)
        self.remember(found)
        return found

    def of(self, visitor: Visitor) -> list[WorkerSnapshot]:
        """What is known of the operations of a visitor, the newest first."""
        known = [worker.snapshot for worker in self.workers.of(visitor.owner)]
        seen = [one for one in known if visitor.allows(READ, self._forms.name(one))]
        for one in seen:
            self.remember(one)
        return sorted(seen, key=lambda one: one.created_at, reverse=True)

    async def stop(self, id: str, visitor: Visitor, reason: str) -> WorkerSnapshot:  # noqa: A002 - as above
        """Ask an operation to stop, wherever it runs; what is known of it then.

        Raises:
            Refusal: It has been forgotten.
        """
        worker, said = self.local(id, visitor), reason[:_LONGEST_REASON]
        try:
            if worker is not None:
                return await worker.stop(said, by=visitor.name or visitor.owner)
        except UnknownWorkerError:  # forgotten since it was found
            raise self._missing(id, visitor) from None
        await self.workers.ask_to_stop(id, said)
        return await self.snapshot(id, visitor)

    def _missing(self, id: str, visitor: Visitor) -> Refusal:  # noqa: A002 - as above
        if self._owners.get(id) == visitor.owner:
            detail = "it has ended, and is not known any more; start a new one"
            return Refusal(HTTPStatus.GONE, detail)
        return Refusal(HTTPStatus.NOT_FOUND, "there is no such operation")
