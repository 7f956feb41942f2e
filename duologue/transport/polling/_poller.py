"""The actor that fetches the updates of one bot, and the way to talk to it."""

from __future__ import annotations

import asyncio
import enum
import random
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from pykka import Actor, ActorDeadError, ActorRef

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    Clock,
    Counts,
    LoopClock,
    Observer,
    Timer,
)
from duologue.actors._time._seconds import as_delay
from duologue.dialogs import UpdateSource
from duologue.transport.polling._handover import Counter, Intake
from duologue.transport.polling._io import Performer
from duologue.transport.polling._markers import MarkersInMemory, MarkerStore
from duologue.transport.polling._reporter import Reporter
from duologue.transport.polling._rules import Rules
from duologue.transport.polling._steps import (
    Action,
    DeadlinePassed,
    End,
    Event,
    HandOver,
    Load,
    Pause,
    Poll,
    PollerSettings,
    Progress,
    StopAsked,
)

A = TypeVar("A", bound=Actor)

# Seconds after which an unfinished batch is worth a word: it holds up all others.
_SLOW = 30.0


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
class _Done:
    """What the poller set out to do has come to this."""

    number: int
    event: Event


@dataclass(frozen=True, slots=True)
class _Late:
    """The action in hand takes long."""


class _Board:
    """What others may see of a poller; written by its actor only."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.ended: asyncio.Future[Exception | None] = (
            asyncio.get_running_loop().create_future()
        )

    def end(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)


class _PollerActor(AsyncActor):
    """Carries out one action at a time, in a task; never waits for it itself.

    The outcome comes back as a message with the number of its action, so that
    what has been called off is not mistaken for what is going on.
    """

    def __init__(
        self,
        performer: Performer,
        rules: Rules,
        *,
        reporter: Reporter,
        board: _Board,
    ) -> None:
        super().__init__()
        self._performer = performer
        self._rules = rules
        self._reporter = reporter
        self._board = board
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._late: Timer | None = None
        self._deadline: Timer | None = None

    def on_start(self) -> None:
        """Begin with the first action."""
        self._begin(self._board.progress.doing)

    async def on_stop(self) -> None:  # type: ignore[override] # AsyncActor allows it
        """Leave no task behind."""
        self._call_off()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._board.end(None)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,  # noqa: ARG002 - Pykka's hook
        exception_value: BaseException | None,
        traceback: TracebackType | None,  # noqa: ARG002 - Pykka's hook
    ) -> None:
        """Tell whoever waits that there will be no more updates."""
        self._call_off()
        if isinstance(exception_value, Exception):
            self._reporter.ended(exception_value)
            self._board.end(exception_value)

    def on_receive(self, message: object) -> None:
        """Take what happened into account; what was called off is ignored."""
        match message:
            case _Done(number, event) if number == self._number:
                self._reporter.note(self._board.progress.doing, event)
                self._step(event)
            case _Late():
                self._reporter.late(len(self._board.progress.batch), _SLOW)
            case StopAsked(drain):
                _cancel(self._deadline)
                self._deadline = self.send_after(as_delay(drain), DeadlinePassed())
                self._step(message)
            case DeadlinePassed():
                self._step(message)
            case _:
                pass

    def _step(self, event: Event) -> None:
        before = self._board.progress.doing
        self._board.progress = self._rules.after(self._board.progress, event)
        action = self._board.progress.doing
        if action is not before:
            self._call_off()
            self._begin(action)

    def _begin(self, action: Action) -> None:
        self._number += 1
        if isinstance(action, End):
            self._finish(action.error)
            return
        task = asyncio.get_running_loop().create_task(
            self._carry_out(action, self._number)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if isinstance(action, HandOver):
            self._late = self.send_after(_SLOW, _Late())

    async def _carry_out(self, action: Action, number: int) -> None:
        event = await self._performer.perform(action)
        _tell(self.actor_ref, _Done(number, event))

    def _call_off(self) -> None:
        _cancel(self._late)
        for task in self._tasks:
            task.cancel()

    def _finish(self, error: Exception | None) -> None:
        if error is not None:
            self._reporter.ended(error)
        self._board.end(error)
        self.stop()


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
        self._performer = Performer(
            source,
            store or MarkersInMemory(),
            Counter(source, intake, observer),
            settings,
            clock,
        )
        self._board: _Board | None = None
        self._ref: ActorRef[_PollerActor] | None = None

    @property
    def state(self) -> PollerState:
        """What the poller is doing."""
        board = self._board
        if board is None:
            return PollerState.NEW
        if board.ended.done():
            failed = board.ended.result() is not None
            return PollerState.FAILED if failed else PollerState.STOPPED
        return _state(board.progress)

    @property
    def marker(self) -> int | None:
        """Everything before it is safe; None while no marker is known."""
        return None if self._board is None else self._board.progress.marker

    @property
    def unfinished(self) -> int:
        """How many updates have been fetched and are not known to be safe."""
        return 0 if self._board is None else len(self._board.progress.batch)

    @property
    def last_success(self) -> float | None:
        """When the messenger last answered a poll, by the clock; None if never."""
        return self._reporter.last_success

    @property
    def pause(self) -> float:
        """For how many seconds it waits now, before it tries again; 0 if it does not."""
        doing = None if self._board is None else self._board.progress.doing
        return doing.seconds if isinstance(doing, Pause) else 0.0

    def start(self) -> None:
        """Begin to fetch. Calling it again does nothing."""
        if self._board is not None:
            return
        self._board = _Board(self._rules.first())
        self._ref = self._system.start(
            _PollerActor,
            self._performer,
            self._rules,
            reporter=self._reporter,
            board=self._board,
        )

    async def wait(self) -> None:
        """Return when the poller has been stopped.

        Raises:
            UnauthorizedError: The messenger does not know the token.
            MarkerFileError: The marker file cannot be read.
        """
        error = None if self._board is None else await asyncio.shield(self._board.ended)
        if error is not None:
            raise error

    async def stop(self, drain: float = 10.0) -> None:
        """Stop fetching at once, and finish what has been fetched.

        If all updates are safe in time they are acknowledged; if not, the
        messenger delivers them again to the next run.

        Args:
            drain: Seconds to wait for unfinished updates.
        """
        if self._board is None or self._ref is None:
            return
        _tell(self._ref, StopAsked(drain))
        await asyncio.shield(self._board.ended)


def _cancel(timer: Timer | None) -> None:
    if timer is not None:
        timer.cancel()


def _tell(ref: ActorRef[A], message: object) -> None:
    """Tell the actor; what comes after its end changes nothing any more."""
    with suppress(ActorDeadError):  # it ends in this moment
        if ref.is_alive():
            ref.tell(message)


def _state(progress: Progress) -> PollerState:
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
