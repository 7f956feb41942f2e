"""The actor that fetches the updates of one bot, and the way to talk to it."""

from __future__ import annotations

import asyncio
import enum
import random
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from pykka import ActorDeadError

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    Clock,
    Counts,
    LoopClock,
    Observer,
)
from duologue.dialogs import UpdateSource
from duologue.transport.polling._handover import Handover, Intake
from duologue.transport.polling._io import PollerIO
from duologue.transport.polling._markers import MarkersInMemory, MarkerStore
from duologue.transport.polling._reporter import Reporter
from duologue.transport.polling._rules import Rules
from duologue.transport.polling._run import PollerRun
from duologue.transport.polling._steps import (
    End,
    Load,
    Pause,
    Poll,
    PollerProgress,
    PollerSettings,
)


class PollerState(enum.StrEnum):
    """What a poller is doing.

    Attributes:
        NEW: It has not been started.
        STARTING: It reads where it left off.
        POLLING: It waits for the messenger.
        HANDLING: It waits until updates are safe.
        WAITING: Something failed; it waits before trying again.
        STOPPING: It has been told to stop and finishes what it has.
        STOPPED: It has stopped as told.
        FAILED: It cannot go on; `Poller.wait` raises the reason.
    """

    NEW = "new"
    STARTING = "starting"
    POLLING = "polling"
    HANDLING = "handling"
    WAITING = "waiting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Ended:
    """The run has come to its end.

    Attributes:
        error: What broke it; None if it ended by its rules.
    """

    error: BaseException | None


class _PollerActor(AsyncActor):
    """Owns a run: starts it, ends with it, and ends it.

    The run is a task beside its turns, so that a stop finds the actor free.
    """

    def __init__(self, run: PollerRun) -> None:
        super().__init__()
        self._run = run
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def on_start(self) -> None:
        """Begin the run."""
        self._task = self._loop.create_task(self._run.work())
        self._task.add_done_callback(self._tell_of_end)

    async def on_stop(self) -> None:  # type: ignore[override] # AsyncActor allows it
        """Leave no task behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - Pykka's hook
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - Pykka's hook
    ) -> None:
        """Tell whoever waits that there will be no more updates."""
        if isinstance(exception_value, Exception):
            self._run.end(exception_value)

    def on_receive(self, message: object) -> None:
        """Stop when the run has ended, and fail with it if it broke."""
        if isinstance(message, _Ended):
            if message.error is not None:
                raise message.error
            doing = self._run.progress.doing
            self._run.end(doing.error if isinstance(doing, End) else None)
            self.stop()

    def _tell_of_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self.actor_ref.is_alive():
            with suppress(ActorDeadError):  # it ends in this moment
                self.actor_ref.tell(_Ended(task.exception()))

    def _after_end(self) -> None:
        # A kill, or a system without time to drain, leaves no turn to say so.
        with suppress(RuntimeError):  # of a loop that is closed
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._run.end(None)


class Poller:
    """Fetches the updates of one bot, hands them on and acknowledges them.

    An update is acknowledged when the intake says that it is safe; until then
    no further ones are fetched, because a marker speaks for a whole batch.
    Failures are waited out for ever, except a token that the messenger does not
    know and a marker store that cannot be read.
    """

    def __init__(
        self,
        source: UpdateSource,
        intake: Intake,
        *,
        system: ActorSystem,
        store: MarkerStore | None = None,
        settings: PollerSettings | None = None,
        clock: Clock | None = None,
        dice: random.Random | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Prepare a poller; nothing is asked before `start`.

        Args:
            source: The bot, which has been started.
            intake: Who handles the updates.
            system: Where its actor lives.
            store: Keeps the marker; in memory if left out, then a restart may
                miss updates.
            settings: How to ask.
            clock: Waits between failed tries; the loop's time if left out.
            dice: Jitter for these waits.
            observer: Is told of polls and failures.
        """
        self._system = system
        self._source = source
        settings = settings or PollerSettings()
        clock = clock or LoopClock()
        observer = observer or Counts()
        self._rules = Rules(settings, dice or random.SystemRandom())
        self._reporter = Reporter(source, observer=observer, clock=clock)
        self._io = PollerIO(
            source,
            store or MarkersInMemory(),
            Handover(source, intake, observer),
            settings,
            clock,
        )
        self._run: PollerRun | None = None

    @property
    def state(self) -> PollerState:
        """What the poller is doing."""
        run = self._run
        if run is None:
            return PollerState.NEW
        if run.ended.done():
            failed = run.ended.result() is not None
            return PollerState.FAILED if failed else PollerState.STOPPED
        return _state(run.progress)

    @property
    def marker(self) -> int | None:
        """Everything before it is safe; None while no marker is known."""
        return None if self._run is None else self._run.progress.marker

    @property
    def unfinished(self) -> int:
        """How many updates have been fetched and are not known to be safe."""
        return 0 if self._run is None else len(self._run.progress.batch)

    @property
    def last_success(self) -> float | None:
        """When the messenger last answered a poll, by the clock; None if never."""
        return self._reporter.last_success

    @property
    def polls_since(self) -> float | None:
        """Since when it polls, by the clock; None while another process does.

        It does not poll before it knows where it left off either.
        """
        if self.state in (PollerState.NEW, PollerState.STARTING):
            return None
        return self._reporter.polls_since

    @property
    def pause(self) -> float:
        """For how many seconds it waits now, before it tries again; 0 if it does not."""
        doing = None if self._run is None else self._run.progress.doing
        return doing.seconds if isinstance(doing, Pause) else 0.0

    def start(self) -> None:
        """Begin to fetch. Calling it again does nothing."""
        if self._run is None:
            run = PollerRun(self._rules, self._io, self._reporter)
            with self._system.own_loop():
                self._system.start(_PollerActor, run)
            self._run = run

    async def wait(self) -> None:
        """Return when the poller has been stopped.

        Raises:
            UnauthorizedError: The messenger does not know the token.
            MarkerFileError: The marker file cannot be read.
        """
        error = None if self._run is None else await asyncio.shield(self._run.ended)
        if error is not None:
            raise error

    def fail(self, error: Exception) -> None:
        """End at once, for a reason that the messenger does not tell; `wait` raises it."""
        if self._run is not None:
            self._run.end(error)
            self._run.stop(0)

    async def stop(self, drain: float = 10.0) -> None:
        """Stop fetching at once, and finish what has been fetched.

        If all updates are safe in time they are acknowledged; if not, the next
        run begins with those that are not, and with no others.

        Args:
            drain: Seconds to wait for unfinished updates.
        """
        if self._run is not None and not self._run.ended.done():
            self._run.stop(drain)
            await asyncio.shield(self._run.ended)
            await self._run.keep_rest()


def _state(progress: PollerProgress) -> PollerState:
    if progress.stopping:
        return PollerState.STOPPING
    match progress.doing:
        case Load():
            return PollerState.STARTING
        case Poll():
            return PollerState.POLLING
        case Pause():
            return PollerState.WAITING
        case _:
            return PollerState.HANDLING
