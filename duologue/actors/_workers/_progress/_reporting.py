"""Reports of an operation and of its parts.

An operation and its parts share a trunk: one lock, one clock, and one note that somebody
has reported. What the whole is worth is worked out where it is shown, and not at each of
the reports, of which there are many more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from types import TracebackType
from typing import Final, Self, TypeVar

from duologue.actors._workers._operation_report import (
    clean_count,
    clean_name,
    clean_text,
    clean_total,
    clean_value,
)
from duologue.actors._workers._progress._part import PartSnapshot
from duologue.actors._workers._progress._progress import Progress

T = TypeVar("T")

_SHOWN: Final = 100  # parts of one; of more than these only the sum is seen

logger = logging.getLogger("duologue.actors")


class Trunk:
    """What an operation and its parts have in common.

    Args:
        name: Whose it is, for the log.
        wake: Called when a report comes and none was waiting.
        now: Tells the time, in any thread.
        lock: Held while somebody reports.

    Attributes:
        at: When somebody reported last; None before the first report.
        has_news: Whether that was not taken yet.
        is_closed: Whether it takes no report any more.
        is_stop_requested: Whether the body is asked to end.
    """

    __slots__ = (
        "_has_complained",
        "_name",
        "at",
        "has_news",
        "is_closed",
        "is_stop_requested",
        "lock",
        "now",
        "wake",
    )

    def __init__(
        self,
        name: str,
        wake: Callable[[], object],
        now: Callable[[], float],
        lock: threading.RLock,
    ) -> None:
        self._name = name
        self._has_complained = False
        self.wake: Callable[[], object] = wake
        self.now: Callable[[], float] = now
        self.lock: threading.RLock = lock
        self.at: float | None = None
        self.has_news: bool = False
        self.is_closed: bool = False
        self.is_stop_requested: bool = False

    def cleaned(self, cleaned: T | None, said: object) -> T | None:
        """What was made of something that was said; complains once if that is nothing."""
        if cleaned is None and not self._has_complained:
            self._has_complained = True
            logger.warning(
                "%s reported a %s that cannot be shown; it is ignored, and so are "
                "more of the kind. Report finite numbers and text",
                self._name,
                type(said).__name__,
            )
        return cleaned


class Reporting:
    """Somewhere to report to: an operation, or a part of one.

    Args:
        trunk: What it shares with the others.
        progress: How far it is.
    """

    __slots__ = ("_parts", "_progress", "_trunk")

    def __init__(self, trunk: Trunk, progress: Progress) -> None:
        self._trunk = trunk
        self._progress = progress
        self._parts: list[OperationPart] | None = None

    @property
    def is_stop_requested(self) -> bool:
        """Whether the body is asked to end."""
        return self._trunk.is_stop_requested

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
        known = words = counts = None
        trunk = self._trunk
        if value is not None:
            known = trunk.cleaned(clean_value(value), value)
        if text is not None:
            words = trunk.cleaned(clean_text(text), text)
        if not current is total is unit is stage is None:
            counts = self._counts(current, total, unit, stage)
        at = trunk.now()
        with trunk.lock:
            if trunk.is_closed:
                return
            progress, trunk.at = self._progress, at
            if counts is not None:
                progress.count(*counts)
                known = progress.counted if known is None else known
            if known is not None:
                progress.rise(known)
            if words is not None:
                progress.text = words
            if progress.since is None:
                progress.begin_pace(at)
            is_first, trunk.has_news = not trunk.has_news, True
        if is_first:
            trunk.wake()

    def _counts(
        self, current: object, total: object, unit: object, stage: object
    ) -> tuple[float | None, float | None, str | None, str | None]:
        """What was counted, made fit to be shown."""
        cleaned = self._trunk.cleaned
        return (
            None if current is None else cleaned(clean_count(current), current),
            None if total is None else cleaned(clean_total(total), total),
            None if unit is None else cleaned(clean_name(unit), unit),
            None if stage is None else cleaned(clean_name(stage), stage),
        )

    def part(self, name: object = "", weight: object = 1.0) -> OperationPart:
        """A part of the work, which is reported to by itself.

        With parts the progress is their mean by weight, and never goes back, also when
        a part is added later. `with operation.part("read", 2) as part:` is done when
        the block ends without an error.

        Args:
            name: What it is called, cut at 100 characters.
            weight: How much of the whole it is, compared to the other parts; 1 if it
                is no number above 0.
        """
        trunk = self._trunk
        share = trunk.cleaned(clean_total(weight), weight)
        part = OperationPart(
            trunk, trunk.cleaned(clean_name(name), name) or "", share or 1.0
        )
        with trunk.lock:
            self._parts = [*(self._parts or ()), part]
        return part

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

    def _fold(self) -> tuple[PartSnapshot, ...]:
        """Work out the progress from that of the parts; the lock is held."""
        if self._parts is None:
            return ()
        seen = [part.seen() for part in self._parts]
        whole = sum(part.weight for part in seen)
        done = sum(part.weight * (part.value or 0.0) for part in seen)
        self._progress.rise(min(1.0, done / whole))
        return tuple(seen[-_SHOWN:])


class OperationPart(Reporting):
    """A part of an operation; `Operation.part` makes one. Safe to use from any thread.

    Args:
        trunk: What it shares with the other parts.
        name: What it is called.
        weight: How much of the whole it is.
    """

    __slots__ = ("_name", "_weight")

    def __init__(self, trunk: Trunk, name: str, weight: float) -> None:
        super().__init__(trunk, Progress())
        self._name = name
        self._weight = weight

    def finish(self) -> None:
        """Say that this part is done, whatever was reported of it."""
        self.report(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception is None:
            self.finish()

    def seen(self) -> PartSnapshot:
        """What is known of it; the operation calls this."""
        children, progress = self._fold(), self._progress
        return PartSnapshot(
            self._name,
            self._weight,
            progress.value,
            progress.text,
            progress.current,
            progress.total,
            progress.unit,
            children,
        )
