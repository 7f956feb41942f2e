"""The operation: where the body of a worker reports and hears that it is to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from pykka import Timeout

from duologue.actors._futures._future import AsyncFuture
from duologue.actors._workers._operation_report import clean_text
from duologue.actors._workers._progress._part import PartSnapshot
from duologue.actors._workers._progress._progress import Progress
from duologue.actors._workers._progress._questions import Answer, Asked, give_up
from duologue.actors._workers._progress._reporting import Reporting, Trunk
from duologue.actors._workers._worker_snapshot import WorkerSnapshot, reported

# What authors keep is theirs: only here may it be anything.
Checkpoint: TypeAlias = Any  # type: ignore[explicit-any]  # the user's own data


class Operation(Reporting):
    """The worker as its own body sees it; safe to use from any thread.

    Args:
        name: Who it is, for the log.
        wake: Called when a report comes and none was waiting.
        now: Tells the time, in any thread.
        progress: How far the work was before.
        lock: Held while it is reported; one of its own by default.
    """

    __slots__ = ("_adopted", "_asked", "_checkpoint", "_resets", "_save", "_stop")

    def __init__(
        self,
        name: str,
        wake: Callable[[], object],
        now: Callable[[], float] = time.monotonic,
        progress: Progress | None = None,
        lock: threading.RLock | None = None,
    ) -> None:
        trunk = Trunk(name, wake, now, lock or threading.RLock())
        super().__init__(trunk, progress or Progress())
        self._stop: AsyncFuture[str] = AsyncFuture()
        self._checkpoint: Checkpoint = None
        self._save: Callable[[Checkpoint], Checkpoint] | None = None
        self._adopted: tuple[PartSnapshot, ...] = ()
        self._asked: tuple[Asked, ...] = ()
        self._resets = 0

    @property
    def stop_reason(self) -> str:
        """Why the body is asked to end; empty if it is not."""
        return self._stop.get(timeout=0) if self._stop.is_ready() else ""

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
        with self._trunk.lock:
            if not self._trunk.is_closed:
                self._checkpoint = kept

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

    async def ask(self, question: object) -> Answer:
        """Ask whoever looks after the worker for something, and return the answer.

        The worker is `input_required` meanwhile, and shows the question. Several
        questions at once are shown one after the other. A wait is no silence; when
        the body is asked to stop, the wait is cancelled.

        Args:
            question: Words for the user, cut at 1,000 characters.
        """
        asked = self._put(question)
        try:
            return await asked.answer
        finally:
            self._withdraw(asked)

    def ask_in_thread(self, question: object, timeout: float | None = None) -> Answer:
        """Ask as `ask` does, in a thread.

        Args:
            question: Words for the user, cut at 1,000 characters.
            timeout: Seconds to wait at most, of the real clock.

        Raises:
            pykka.Timeout: There is no answer in time.
            asyncio.CancelledError: The body is asked to stop; let it end the body.
            BlockingCallError: On the thread of the event loop; use `ask()`.
        """
        asked = self._put(question)
        try:
            return asked.answer.get(timeout=timeout)
        finally:
            self._withdraw(asked)

    def reset(self) -> None:
        """Begin to count anew, as for work that has to be done once more.

        This is the one way for the progress to go back within an attempt. The words
        and the checkpoint stay; parts from before are not shown any more.
        """
        self.begin_again()
        self._resets += 1
        self.report()

    def _put(self, question: object) -> Asked:
        words = self._trunk.cleaned(clean_text(question), question)
        asked = Asked(words or "")
        with self._trunk.lock:
            is_over = self._trunk.is_closed or self._trunk.is_stop_requested
            if not is_over:
                self._asked = (*self._asked, asked)
        if is_over:
            give_up([asked])
        self.report()
        return asked

    def _withdraw(self, asked: Asked) -> None:
        with self._trunk.lock:
            self._asked = tuple(one for one in self._asked if one is not asked)
        self.report()

    def _give_up(self) -> None:
        with self._trunk.lock:
            waiting, self._asked = self._asked, ()
        give_up(waiting)

    @property
    def asked(self) -> Asked | None:
        """What the body waits for; None if it waits for no answer."""
        waiting = self._asked
        return waiting[0] if waiting else None

    @property
    def question(self) -> str | None:
        """What the body asks for; None if it waits for no answer."""
        asked = self.asked
        return None if asked is None else asked.question

    @property
    def resets(self) -> int:
        """How often the body has begun to count anew."""
        return self._resets

    def answer(self, answer: Answer) -> bool:
        """Answer what was asked first; false if nothing is. The worker calls this."""
        with self._trunk.lock:
            first, self._asked = self._asked[:1], self._asked[1:]
        for asked in first:
            asked.answer.set(answer)
            self.report()
        return bool(first)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Begin with a checkpoint; who keeps them calls this."""
        self._checkpoint = checkpoint

    def keep_by(self, save: Callable[[Checkpoint], Checkpoint]) -> None:
        """Hand checkpoints on, in any thread; what `save` returns is the copy kept."""
        self._save = save

    def request_stop(self, reason: str) -> None:
        """Ask the body to end; the worker calls this."""
        if not self._stop.is_ready():
            self._trunk.is_stop_requested = True
            self._stop.set(reason)
            self._give_up()

    def begin_again(self) -> None:
        """Forget how far it was, for another attempt; the worker calls this."""
        with self._trunk.lock:
            self._progress = Progress(text=self._progress.text)
            self._parts, self._adopted = None, ()

    def adopt(self, parts: tuple[PartSnapshot, ...]) -> None:
        """Show the parts of a body that is in another process; its process calls this."""
        self._adopted = parts

    def last_heard(self) -> float | None:
        """When the body reported last; the worker calls this."""
        return self._trunk.at

    def has_news(self) -> bool:
        """Whether a report waits to be taken; the worker calls this."""
        return self._trunk.has_news

    def take(self, snapshot: WorkerSnapshot) -> WorkerSnapshot:
        """A snapshot with what was reported since the last call; the worker calls this.

        Returns:
            The same one if there was nothing.
        """
        trunk = self._trunk
        with trunk.lock:
            if not trunk.has_news or trunk.at is None:
                return snapshot
            trunk.has_news = False
            parts = self._fold() or self._adopted
            return reported(snapshot, self._progress, trunk.at, parts, self.question)

    @property
    def is_closed(self) -> bool:
        """Whether it takes no report any more."""
        return self._trunk.is_closed

    def close(self) -> None:
        """Take no report any more; the worker calls this."""
        with self._trunk.lock:
            self._trunk.is_closed = True
            self._trunk.has_news = False
        self._give_up()
