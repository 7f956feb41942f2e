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


class _Extras:
    """What most operations have no need of.

    Attributes:
        checkpoint: What was kept last.
        save: Keeps it.
        adopted: The parts of a body that is in another process.
        asked: The questions that wait for an answer.
        resets: How often it has begun to count anew.
        stop: Gets the reason when the body is asked to end.
    """

    __slots__ = ("adopted", "asked", "checkpoint", "resets", "save", "stop")

    def __init__(self) -> None:
        self.checkpoint: Checkpoint = None
        self.save: Callable[[Checkpoint], Checkpoint] | None = None
        self.adopted: tuple[PartSnapshot, ...] = ()
        self.asked: tuple[Asked, ...] = ()
        self.resets: int = 0
        self.stop: AsyncFuture[str] = AsyncFuture()


class Operation(Reporting):
    """The worker as its own body sees it; safe to use from any thread.

    Args:
        name: Who it is, for the log.
        wake: Called when a report comes and none was waiting.
        now: Tells the time, in any thread.
        progress: How far the work was before.
        lock: Held while it is reported; one of its own by default.
    """

    __slots__ = ("_extras",)

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
        self._extras: _Extras | None = None

    @property
    def stop_reason(self) -> str:
        """Why the body is asked to end; empty if it is not."""
        if not self._trunk.is_stop_requested:
            return ""
        stop = self._asked_to_stop()
        return stop.get(timeout=0) if stop.is_ready() else ""

    @property
    def resumed(self) -> Checkpoint:
        """What was kept last as a checkpoint, by earlier attempts too; None at first."""
        return None if self._extras is None else self._extras.checkpoint

    def checkpoint(self, data: Checkpoint) -> None:
        """Keep how far the work is, so that a later attempt begins there.

        Never waits: of many checkpoints the newest is kept soon. It is a value that a
        dialog may keep.

        Args:
            data: What `resumed` is from now on.

        Raises:
            UnserialisableDataError: It cannot be stored, on an engine that is durable.
        """
        extras = self._with_extras()
        kept = data if extras.save is None else extras.save(data)
        with self._trunk.lock:
            if not self._trunk.is_closed:
                extras.checkpoint = kept

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
            self._asked_to_stop().get(timeout=timeout)
        except Timeout:
            return False
        return True

    async def stopping(self) -> str:
        """Return, with the reason, when the body is asked to stop."""
        return await self._asked_to_stop()

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
        self._with_extras().resets += 1
        self.report()

    def _asked_to_stop(self) -> AsyncFuture[str]:
        return self._with_extras().stop

    def _put(self, question: object) -> Asked:
        words = self._trunk.cleaned(clean_text(question), question)
        asked, extras = Asked(words or ""), self._with_extras()
        with self._trunk.lock:
            is_over = self._trunk.is_closed or self._trunk.is_stop_requested
            if not is_over:
                extras.asked = (*extras.asked, asked)
        if is_over:
            give_up([asked])
        self.report()
        return asked

    def _withdraw(self, asked: Asked) -> None:
        extras = self._with_extras()
        with self._trunk.lock:
            extras.asked = tuple(one for one in extras.asked if one is not asked)
        self.report()

    def _give_up(self) -> None:
        extras = self._extras
        if extras is None:
            return
        with self._trunk.lock:
            waiting, extras.asked = extras.asked, ()
        give_up(waiting)

    def _with_extras(self) -> _Extras:
        with self._trunk.lock:
            if self._extras is None:
                self._extras = _Extras()
            return self._extras

    @property
    def asked(self) -> Asked | None:
        """What the body waits for; None if it waits for no answer."""
        extras = self._extras
        return extras.asked[0] if extras is not None and extras.asked else None

    @property
    def question(self) -> str | None:
        """What the body asks for; None if it waits for no answer."""
        asked = self.asked
        return None if asked is None else asked.question

    @property
    def resets(self) -> int:
        """How often the body has begun to count anew."""
        return 0 if self._extras is None else self._extras.resets

    def answer(self, answer: Answer) -> bool:
        """Answer what was asked first; false if nothing is. The worker calls this."""
        extras = self._with_extras()
        with self._trunk.lock:
            first, extras.asked = extras.asked[:1], extras.asked[1:]
        for asked in first:
            asked.answer.set(answer)
            self.report()
        return bool(first)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Begin with a checkpoint; who keeps them calls this."""
        self._with_extras().checkpoint = checkpoint

    def keep_by(self, save: Callable[[Checkpoint], Checkpoint]) -> None:
        """Hand checkpoints on, in any thread; what `save` returns is the copy kept."""
        self._with_extras().save = save

    def request_stop(self, reason: str) -> None:
        """Ask the body to end; the worker calls this."""
        stop = self._asked_to_stop()
        if not stop.is_ready():
            self._trunk.is_stop_requested = True
            stop.set(reason)
            self._give_up()

    def begin_again(self) -> None:
        """Forget how far it was, for another attempt; the worker calls this."""
        with self._trunk.lock:
            self._progress = Progress(text=self._progress.text)
            self._parts = None
            if self._extras is not None:
                self._extras.adopted = ()

    def adopt(self, parts: tuple[PartSnapshot, ...]) -> None:
        """Show the parts of a body that is in another process; its process calls this."""
        self._with_extras().adopted = parts

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
            parts = self._fold()
            if not parts and self._extras is not None:
                parts = self._extras.adopted
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
