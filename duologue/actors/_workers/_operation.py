"""The operation: where the body of a worker reports and hears that it is to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeAlias, TypeVar

from pykka import Timeout

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._workers._operation_report import (
    clean_count,
    clean_name,
    clean_text,
    clean_total,
    clean_value,
)
from duologue.actors._workers._progress._progress import Progress
from duologue.actors._workers._worker_snapshot import WorkerSnapshot, reported

T = TypeVar("T")

# What authors keep is theirs: only here may it be anything.
Checkpoint: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data

logger = logging.getLogger("duologue.actors")


class Operation:
    """The worker as its own body sees it; safe to use from any thread.

    Args:
        name: Who it is, for the log.
        wake: Called when a report comes and none was waiting.
        now: Tells the time, in any thread.
        progress: How far the work was before.
    """

    def __init__(
        self,
        name: str,
        wake: Callable[[], object],
        now: Callable[[], float] = time.monotonic,
        progress: Progress | None = None,
    ) -> None:
        self._name = name
        self._wake = wake
        self._now = now
        self._progress = progress or Progress()
        self._lock = threading.Lock()
        self._has_news = False
        self._is_closed = False
        self._has_complained = False
        self._stop: AsyncFuture[str] = AsyncFuture()
        self._checkpoint: Checkpoint = None
        self._save: Callable[[Checkpoint], Checkpoint] | None = None

    @property
    def is_stop_requested(self) -> bool:
        """Whether the body is asked to end."""
        return self._stop.is_ready()

    @property
    def stop_reason(self) -> str:
        """Why the body is asked to end; empty if it is not."""
        return self._stop.get(timeout=0) if self._stop.is_ready() else ""

    def report(
        self,
        value: object = None,
        text: object = None,
        *,
        current: object = None,
        total: object = None,
        unit: object = None,
        stage: object = None,
    ) -> None:
        """Say how far the work is, or only that it goes on. Never raises.

        It costs a few microseconds. Of many reports at once only the sum is seen.
        Reports after the end of the worker change nothing. None says nothing new, and
        so does what cannot be shown: no finite number, no text, a total that is not
        above 0. Numbers outside of their bounds are moved to the nearest end.

        Args:
            value: Progress from 0 to 1; one that is smaller than before changes
                nothing. Left out, it is what `current` is of `total`.
            text: Words for the user, cut at 1,000 characters.
            current: How much of the stage is done, from 0 on; less than before
                changes nothing.
            total: How much there is to do in it.
            unit: What is counted, such as `"files"`; cut at 100 characters.
            stage: Which stage of the work it is, cut at 100 characters. Another one
                counts from the beginning; the progress stays.
        """
        known = words = None
        if value is not None:
            known = self._cleaned(clean_value(value), value)
        if text is not None:
            words = self._cleaned(clean_text(text), text)
        counts = None
        if not current is total is unit is stage is None:
            counts = self._counts(current, total, unit, stage)
        at = self._now()
        with self._lock:
            if self._is_closed:
                return
            progress = self._progress
            progress.at = at
            if counts is not None:
                progress.count(*counts)
                known = progress.counted if known is None else known
            if known is not None:
                progress.rise(known)
            if words is not None:
                progress.text = words
            is_first, self._has_news = not self._has_news, True
        if is_first:
            self._wake()

    def _counts(
        self, current: object, total: object, unit: object, stage: object
    ) -> tuple[float | None, float | None, str | None, str | None]:
        """What was counted, made fit to be shown."""
        return (
            None if current is None else self._cleaned(clean_count(current), current),
            None if total is None else self._cleaned(clean_total(total), total),
            None if unit is None else self._cleaned(clean_name(unit), unit),
            None if stage is None else self._cleaned(clean_name(stage), stage),
        )

    @property
    def resumed(self) -> Checkpoint:
        """What was kept last as a checkpoint, by earlier attempts too; None at first."""
        return self._checkpoint

    def checkpoint(self, data: Checkpoint) -> None:
        """Keep how far the work is, so that a later attempt begins there.

        Never waits: of many checkpoints the newest is kept soon. It is a value that a
        dialog may keep.

        Args:
            data: What `resumed` is from now on.

        Raises:
            UnserialisableDataError: It cannot be stored, on an engine that is durable.
        """
        kept = data if self._save is None else self._save(data)
        with self._lock:
            if not self._is_closed:
                self._checkpoint = kept

    def track(self, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        """Report progress while a loop goes through something.

        It ends early when the body is asked to stop.

        Args:
            items: What the loop goes through.
            total: How many there are; their length when left out. Without either
                the progress stays unknown.
        """
        if total is None and isinstance(items, Sized):
            total = len(items)
        for done, item in enumerate(items):
            if self.is_stop_requested:
                return
            if total:
                self.report(done / total)
            yield item
        if total:
            self.report(1.0)

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Wait in a thread until the body is asked to stop.

        A pause between two steps: `while not operation.wait_for_stop(2): ...`.

        Args:
            timeout: Seconds to wait at most, of the real clock.

        Returns:
            Whether it is asked to stop.

        Raises:
            BlockingCallError: On the thread of the event loop; use `stopping()`.
        """
        try:
            self._stop.get(timeout=timeout)
        except Timeout:
            return False
        return True

    async def stopping(self) -> str:
        """Return, with the reason, when the body is asked to stop."""
        return await self._stop

    def restore(self, checkpoint: Checkpoint) -> None:
        """Begin with a checkpoint; who keeps them calls this."""
        self._checkpoint = checkpoint

    def keep_by(self, save: Callable[[Checkpoint], Checkpoint]) -> None:
        """Hand checkpoints on, in any thread; what `save` returns is the copy kept."""
        self._save = save

    def request_stop(self, reason: str) -> None:
        """Ask the body to end; the worker calls this."""
        if not self._stop.is_ready():
            self._stop.set(reason)

    def has_news(self) -> bool:
        """Whether a report waits to be taken; the worker calls this."""
        return self._has_news

    def take(self, snapshot: WorkerSnapshot) -> WorkerSnapshot:
        """A snapshot with what was reported since the last call; the worker calls this.

        Returns:
            The same one if there was nothing.
        """
        with self._lock:
            if not self._has_news:
                return snapshot
            self._has_news = False
            return reported(snapshot, self._progress)

    @property
    def is_closed(self) -> bool:
        """Whether it takes no report any more."""
        return self._is_closed

    def close(self) -> None:
        """Take no report any more; the worker calls this."""
        with self._lock:
            self._is_closed = True
            self._has_news = False

    def _cleaned(self, cleaned: T | None, said: object) -> T | None:
        if cleaned is None and not self._has_complained:
            self._has_complained = True
            logger.warning(
                "%s reported a %s that cannot be shown; it is ignored, and so are "
                "more of the kind. Report finite numbers and text",
                self._name,
                type(said).__name__,
            )
        return cleaned
