"""The dialogs that show background workers: one worker in each place."""

from __future__ import annotations

from contextlib import suppress

from duologue.actors import Worker, WorkerSnapshot
from duologue.dialogs._delivery._tasks import OnError, Tasks
from duologue.dialogs._progress._progress import (
    NOT_DRAWN,
    OVER,
    Feed,
    FeedPlace,
    progress_data,
)


class Feeds:
    """Shows workers in dialogs, and owns the tasks that do it.

    Args:
        on_error: Told of the errors of turns that were to show something.
    """

    def __init__(self, on_error: OnError) -> None:
        self._tasks = Tasks(on_error)
        self._feeds: dict[tuple[object, ...], Feed] = {}

    def show(self, worker: Worker, place: FeedPlace) -> None:
        """Show a worker, instead of the one that was shown there so far."""
        earlier = self._feeds.get(place.key)
        if earlier is not None:
            if earlier.worker == worker:
                return
            earlier.relieve()
        feed = self._feeds[place.key] = Feed(worker, place)
        self._tasks.start(self._run(feed, place), "progress")

    def show_end(self, snapshot: WorkerSnapshot, place: FeedPlace) -> None:
        """Show the end of a worker that does not run here."""

        async def show() -> None:
            with suppress(*OVER, *NOT_DRAWN):
                receipt = await place.dialog.update(
                    {place.name: progress_data(snapshot)}
                )
                await receipt.drawn()

        self._tasks.start(show(), "progress")

    def shown(self, place: FeedPlace) -> Worker | None:
        """The worker that is shown in a place."""
        feed = self._feeds.get(place.key)
        return None if feed is None else feed.worker

    @property
    def is_behind(self) -> bool:
        """Whether a worker has ended and some dialog does not show that yet."""
        return any(not feed.worker.is_active for feed in self._feeds.values())

    async def caught_up(self) -> None:
        """Wait until the dialogs show the end of each worker that has ended."""
        for feed in list(self._feeds.values()):
            if not feed.worker.is_active:
                await feed.over.wait()

    async def wait(self) -> None:
        """Wait until nothing is shown any more, because all workers have ended."""
        await self._tasks.wait()

    async def close(self, grace: float) -> None:
        """Show nothing any more.

        Args:
            grace: Seconds for the tasks to end.
        """
        await self._tasks.close(grace)

    async def _run(self, feed: Feed, place: FeedPlace) -> None:
        try:
            await feed.run()
        finally:
            if self._feeds[place.key] is feed:
                del self._feeds[place.key]
