"""What makes workers outlive their process, as the workers see it.

Who keeps them lies above: the workers ask it for each body, and it takes those that it
knows by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from duologue.actors._engine._engine import Letter
from duologue.actors._workers._operation import Operation
from duologue.actors._workers._start_policy import Terms
from duologue.actors._workers._worker import Worker
from duologue.actors._workers._worker_snapshot import WorkerSnapshot

Shown: TypeAlias = tuple[str, str, str | None, str, float]
"""Where a worker is shown, as it is kept; who shows workers understands it."""

ShowAgain: TypeAlias = Callable[[Worker | WorkerSnapshot, Shown], object]
"""Shows a worker that goes on after its process has died, or how it has ended."""


class DurableWork(Protocol):
    """The work of one worker, which is kept outside of the process."""

    @property
    def body(self) -> object:
        """What does the work in the place of what was given."""
        ...

    def known(self, snapshot: WorkerSnapshot) -> WorkerSnapshot:
        """The first snapshot of the worker, with what is known from before."""
        ...

    def attach(self, operation: Operation) -> None:
        """Keep the checkpoints of the body, and hear of stops, from now on."""
        ...

    async def begin(self) -> None:
        """Keep the start, and wait until the work is this process's to do."""
        ...

    async def end(self, final: WorkerSnapshot) -> WorkerSnapshot:
        """Keep the end; return what counts as the end."""
        ...


class DurableWorks(Protocol):
    """Keeps the work of workers outside of the process, where there is such a place."""

    def bound(self, given: object, worker_id: str) -> object:
        """A body with what it asks for as that of one worker."""
        ...

    def take(
        self, given: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> DurableWork | None:
        """Take in the work of a worker that is to be started; None if it cannot last.

        Raises:
            UnserialisableDataError: An argument of it cannot be stored.
        """
        ...

    def letter(
        self, given: object, snapshot: WorkerSnapshot, terms: Terms
    ) -> Letter | None:
        """The start of a worker as mail, for a commit; None if it cannot last.

        Raises:
            UnserialisableDataError: An argument of it cannot be stored.
        """
        ...

    async def find(self, worker_id: str) -> WorkerSnapshot | None:
        """What is kept of a worker; None if that is nothing."""
        ...

    async def forget(self, worker_id: str) -> None:
        """Give up what is kept of a worker that has ended."""
        ...

    async def ask_to_stop(self, worker_id: str, reason: str) -> None:
        """Ask whoever runs a worker to stop it; nothing if nobody does."""
        ...
