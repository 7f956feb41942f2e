"""What is known of a background worker, and how it changes: values and functions.

A worker is pending, then running, perhaps asking, retrying or cancelling, and then in
one of five end states, and its actor changes nothing any more.
"""

from __future__ import annotations

import enum
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from duologue.actors._workers._operation_report import clean_text, encodable
from duologue.actors._workers._progress._part import PartSnapshot
from duologue.actors._workers._progress._progress import Progress
from duologue.errors import WorkerDiedError

_TRACE_LIMIT: Final = 8000  # characters; the end says the most
_SOONEST, _LATEST = 0.5, 5.0  # seconds


class WorkerState(enum.StrEnum):
    """How far a background worker has come."""

    PENDING = "pending"
    RUNNING = "running"
    INPUT_REQUIRED = "input_required"
    CANCELLING = "cancelling"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether this is an end state, which never changes."""
        return self not in _ACTIVE


_ACTIVE = frozenset(
    {
        WorkerState.PENDING,
        WorkerState.RUNNING,
        WorkerState.INPUT_REQUIRED,
        WorkerState.CANCELLING,
        WorkerState.RETRYING,
    }
)

RUNS: Final = frozenset({WorkerState.RUNNING, WorkerState.INPUT_REQUIRED})


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """Why a worker failed.

    Attributes:
        type: The name of the exception's class.
        message: Its text, at most 1,000 characters.
        traceback: Where it was raised, for those who own the worker or its program; at
            most the last 8,000 characters. Two failures are equal without it.
    """

    type: str
    message: str
    traceback: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class WorkerSnapshot:
    """What is known of a worker at one moment.

    Times are seconds of the clock that the workers were given, by default the
    event loop's: good for durations, not for dates.

    Attributes:
        id: The id of the worker.
        kind: The class or the function that does the work.
        owner: Whose worker it is; empty if nobody's in particular.
        key: What it was started under, if anything.
        state: How far it has come.
        value: Progress from 0 to 1, never going back; None while unknown.
        text: The last words about it, at most 1,000 characters.
        revision: Grows by one with every change.
        created_at: When it was accepted.
        started_at: When its body began to run; None before that.
        updated_at: When it last reported or changed its state.
        finished_at: When it reached its end state; None before that.
        reason: Why it was asked to stop; empty if it was not.
        error: Why it failed, or why it is tried again; None if it did not.
        result: What the body returned.
        attempt: How often it has been begun: more than once where it outlived a process
            or failed and was tried again.
        current: How much of its stage is done, in `unit`; None if nothing is counted.
        total: How much there is to do in it; None while unknown.
        unit: What is counted, such as `"files"`; empty if it was not said.
        stage: Which stage of the work it is; empty if it was not said.
        rate: How much of `current` is done a second, or of `value` if nothing is
            counted; None while unknown.
        eta: Seconds that the rest took at that rate, when it last reported; None while
            unknown. Of what is counted it is the rest of the stage.
        heartbeat_at: When its body was last heard of; None before its first report.
        cancellable: Whether asking it to stop can end it; false once it was asked.
        children: The parts of the work, if it has told of some.
        expires_at: When it may be forgotten; None while it is active.
        says_active: What a body of m3 says of itself, which may be over before its
            `run` has ended; true for other bodies. For doors with m3's wire.
        question: What its body asks for; empty if it asks for nothing.
        stopped_by: Who asked it to stop, at most 1,000 characters; empty if nobody did or
            it was not said. For those who own the worker.
    """

    id: str
    kind: str
    owner: str
    key: str | None
    created_at: float
    updated_at: float
    state: WorkerState = WorkerState.PENDING
    value: float | None = None
    text: str = ""
    revision: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    reason: str = ""
    error: WorkerFailure | None = None
    result: object = None
    attempt: int = 1
    current: float | None = None
    total: float | None = None
    unit: str = ""
    stage: str = ""
    rate: float | None = None
    eta: float | None = None
    heartbeat_at: float | None = None
    cancellable: bool = True
    children: tuple[PartSnapshot, ...] = ()
    expires_at: float | None = None
    says_active: bool = True
    question: str = ""
    stopped_by: str = ""

    @property
    def is_active(self) -> bool:
        """Whether the worker has not reached an end state yet."""
        return not self.state.is_final

    @property
    def poll_after(self) -> float:
        """Seconds after which it is worth asking again: the longer it takes, the more."""
        age = self.updated_at - self.created_at
        return min(max(_SOONEST, age / 20), _LATEST)


@dataclass(frozen=True, slots=True)
class Returned:
    """A body came to its end."""

    result: object


@dataclass(frozen=True, slots=True)
class Raised:
    """A body raised, and not because it was cancelled."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A body was cancelled, cancelled itself, or never began to run."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A body went on although its time to stop was over."""


class FailedElsewhere(Exception):  # noqa: N818 - nobody sees it but this package
    """A body raised in another process.

    Attributes:
        failure: What is known of it.
        kinds: The names of the classes of what it raised, as `module.name`.
    """

    def __init__(self, failure: WorkerFailure, kinds: Sequence[str] = ()) -> None:
        super().__init__(failure.traceback or f"{failure.type}: {failure.message}")
        self.failure: WorkerFailure = failure
        self.kinds: Sequence[str] = kinds


BodyOutcome: TypeAlias = Returned | Raised | Cancelled | Ignored


def begun(snapshot: WorkerSnapshot, now: float) -> WorkerSnapshot:
    """The body begins to run."""
    return replace(
        snapshot,
        state=WorkerState.RUNNING,
        started_at=now,
        updated_at=now,
        revision=snapshot.revision + 1,
    )


def reported(
    snapshot: WorkerSnapshot,
    progress: Progress,
    at: float,
    children: tuple[PartSnapshot, ...] = (),
    question: str | None = None,
) -> WorkerSnapshot:
    """The body has said how far it is, and whether it waits for an answer."""
    rate, eta = progress.measure(at)
    state = snapshot.state
    if state in RUNS:
        state = WorkerState.RUNNING if question is None else WorkerState.INPUT_REQUIRED
    return replace(
        snapshot,
        state=state,
        question=question or "",
        value=progress.value,
        text=progress.text,
        current=progress.current,
        total=progress.total,
        unit=progress.unit,
        stage=progress.stage,
        rate=rate,
        eta=eta,
        children=children,
        heartbeat_at=at,
        updated_at=max(snapshot.updated_at, at),
        revision=snapshot.revision + 1,
    )


def retrying(
    snapshot: WorkerSnapshot, failure: WorkerFailure, now: float
) -> WorkerSnapshot:
    """The body has failed, and is tried again after a while."""
    return replace(
        snapshot,
        state=WorkerState.RETRYING,
        error=failure,
        rate=None,
        eta=None,
        updated_at=now,
        revision=snapshot.revision + 1,
    )


def begun_again(snapshot: WorkerSnapshot, now: float) -> WorkerSnapshot:
    """The body begins once more; its progress begins anew."""
    return replace(
        begun(snapshot, now),
        value=None,
        current=None,
        total=None,
        unit="",
        stage="",
        children=(),
        error=None,
        attempt=snapshot.attempt + 1,
    )


def said_active(snapshot: WorkerSnapshot, is_active: bool) -> WorkerSnapshot:  # noqa: FBT001 - it is what was said
    """The body has said whether it is active."""
    return replace(
        snapshot, says_active=bool(is_active), revision=snapshot.revision + 1
    )


def stopping(
    snapshot: WorkerSnapshot, reason: str, now: float, *, by: str = ""
) -> WorkerSnapshot:
    """The worker has been asked to stop."""
    return replace(
        snapshot,
        state=WorkerState.CANCELLING,
        question="",
        reason=reason,
        stopped_by=by,
        cancellable=False,
        updated_at=now,
        revision=snapshot.revision + 1,
    )


def ended(
    snapshot: WorkerSnapshot,
    outcome: BodyOutcome,
    now: float,
    *,
    ttl: float,
    stopped: WorkerState = WorkerState.CANCELLED,
) -> WorkerSnapshot:
    """The worker is over, and forgotten after `ttl` seconds.

    Args:
        snapshot: What was known.
        outcome: How the body has ended.
        now: The time.
        ttl: How long its end is known.
        stopped: What it is if it has ended because it was asked to.
    """
    state = _end_state(snapshot.state, outcome, stopped)
    return replace(
        snapshot,
        state=state,
        question="",
        value=1.0 if state is WorkerState.SUCCEEDED else snapshot.value,
        error=failure_of(outcome.error) if isinstance(outcome, Raised) else None,
        result=outcome.result if isinstance(outcome, Returned) else None,
        updated_at=now,
        finished_at=now,
        eta=None,
        cancellable=False,
        expires_at=now + ttl,
        revision=snapshot.revision + 1,
    )


def _end_state(
    state: WorkerState, outcome: BodyOutcome, stopped: WorkerState
) -> WorkerState:
    match outcome:
        case Returned():
            asked = state is WorkerState.CANCELLING
            return stopped if asked else WorkerState.SUCCEEDED
        case Raised(error=WorkerDiedError()):
            asked = state is WorkerState.CANCELLING
            return stopped if asked else WorkerState.LOST
        case Raised():
            return WorkerState.FAILED
        case Cancelled():
            return stopped
        case Ignored():
            return WorkerState.LOST
        case _:
            assert_never(outcome)


def failure_of(error: BaseException) -> WorkerFailure:
    """What a snapshot says of an exception."""
    if isinstance(error, FailedElsewhere):
        return error.failure
    message = clean_text(error)
    return WorkerFailure(
        type(error).__name__,
        "(it cannot be shown)" if message is None else message,
        _trace_of(error),
    )


def _trace_of(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(error)
    except Exception:  # noqa: BLE001 - whatever the author's error does
        return ""
    return encodable("".join(lines)[-_TRACE_LIMIT:])
