"""What is kept of a task that outlives its process, and how it becomes bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from duologue.actors import WorkerFailure, WorkerSnapshot, WorkerState
from duologue.actors._engine._timed import wall_time
from duologue.actors._workers._durable import Shown
from duologue.actors._workers._start_policy import Terms
from duologue.state._tasks._places import Place
from duologue.state._values import Codec, Value, Values

_VERSION: Final = 1


@dataclass(slots=True)
class Job:
    """What is kept of a task. Its times are those of the wall, in seconds since 1970.

    Attributes:
        id: The id of its worker.
        calls: The names of the tasks, one after the other, and their arguments.
        owner: Whose it is.
        key: What it was started under, if anything.
        terms: What the start said of its run; all of it counts for each attempt anew.
        place: Where it was started.
        state: How far it has come.
        attempt: How often it has begun.
        step: Which of the calls is next.
        given: What the call before has returned.
        checkpoint: What the body has kept.
        value: Its progress.
        text: Its last words.
        reason: Why it was asked to stop.
        error: Why it failed: the type, the message, and the traceback where there is one.
        result: What it has returned.
        created_at: When it was started.
        ended_at: When it reached its end state.
    """

    id: str
    calls: Sequence[tuple[str, Values]]
    owner: str
    key: str | None
    terms: Terms
    place: Place
    state: WorkerState = WorkerState.PENDING
    attempt: int = 0
    step: int = 0
    given: Value = None
    checkpoint: Value = None
    value: float | None = None
    text: str = ""
    reason: str = ""
    error: tuple[str, ...] | None = None
    result: Value = None
    created_at: float = field(default_factory=wall_time)
    ended_at: float | None = None

    @property
    def mailbox(self) -> str:
        """Its key on the engine; those who know the first call by its name serve it."""
        return mailbox_of(self.calls[0][0], self.id)

    @property
    def kind(self) -> str:
        """What does the work."""
        return " > ".join(name for name, _ in self.calls)

    def conclude(self, final: WorkerSnapshot) -> None:
        """Take over the end of the worker."""
        self.state = final.state
        self.value, self.text, self.reason = final.value, final.text, final.reason
        self.result = final.result
        if final.error is not None:
            failure = final.error
            self.error = failure.type, failure.message, failure.traceback
        self._end()

    def give_up(self, state: WorkerState, reason: str) -> None:
        """End without a worker."""
        self.state, self.reason = state, reason
        self._end()

    def fail(self, error: Exception) -> None:
        """End without a worker, because of an error."""
        self.state, self.error = WorkerState.FAILED, (type(error).__name__, str(error))
        self._end()

    def _end(self) -> None:
        """What was needed to run it is needed no more."""
        self.ended_at = wall_time()
        self.checkpoint = self.given = None
        self.calls = [(name, {}) for name, _ in self.calls]

    def packed(self, codec: Codec) -> bytes:
        """What is kept.

        Raises:
            UnserialisableDataError: Something of the author's cannot be.
        """
        place: list[Value] = [self.place.bot, self.place.chat_id, self.place.user_id]
        if self.place.shown is not None:
            place.append(list(self.place.shown))
        kind = self.kind
        known: Values = {
            "version": _VERSION,
            "id": self.id,
            f"{kind}()": [[name, arguments] for name, arguments in self.calls],
            "owner": self.owner,
            "key": self.key,
            "timeout": _packed(self.terms),
            "place": place,
            "state": self.state.value,
            "attempt": self.attempt,
            "step": self.step,
            f"the result of {kind}": [self.given, self.result],
            f"the checkpoint of {kind}": self.checkpoint,
            "progress": [self.value, self.text],
            "reason": self.reason,
            "error": None if self.error is None else list(self.error),
            "times": [self.created_at, self.ended_at],
        }
        line, _ = codec.write(list(known.values()), list(known))
        return bytes(memoryview(line))

    def known(self, now: float, keep: float | None = None) -> WorkerSnapshot:
        """What is known, on a clock that shows this time now.

        Args:
            now: The time.
            keep: For how many seconds an end is kept.
        """
        shift = now - wall_time()
        ended_at = None if self.ended_at is None else self.ended_at + shift
        return WorkerSnapshot(
            self.id,
            self.kind,
            self.owner,
            self.key,
            self.created_at + shift,
            now if ended_at is None else ended_at,
            state=self.state,
            value=self.value,
            text=self.text,
            finished_at=ended_at,
            expires_at=None if ended_at is None or keep is None else ended_at + keep,
            cancellable=not self.state.is_final
            and self.state is not WorkerState.CANCELLING,
            reason=self.reason,
            error=None if self.error is None else WorkerFailure(*self.error),
            result=self.result,
            attempt=max(1, self.attempt),
        )


def mailbox_of(name: str, worker_id: str) -> str:
    """The mailbox of a task."""
    return f"task/{name}:{worker_id}"


def unpacked(codec: Codec, line: bytes) -> Job:
    """Read what `packed` wrote.

    Raises:
        ValueError: Another version wrote it.
    """
    version, *parts = codec.read(line)
    if version != _VERSION:
        problem = f"a task was kept by another version of duologue ({version})"
        raise ValueError(problem)
    (
        worker_id,
        calls,
        owner,
        key,
        timeout,
        place,
        state,
        attempt,
        step,
        (given, result),
        checkpoint,
        (value, text),
        reason,
        error,
        (created_at, ended_at),
    ) = parts
    return Job(
        worker_id,
        [(name, arguments) for name, arguments in calls],
        owner,
        key,
        _terms_of(timeout),
        _place_of(*place),
        WorkerState(state),
        attempt,
        step,
        given,
        checkpoint,
        value,
        text,
        reason,
        None if error is None else tuple(error),
        result,
        created_at,
        ended_at,
    )


def _packed(terms: Terms) -> Value:
    """What is kept of the terms: the timeout alone, as earlier versions know it, or all."""
    if terms == Terms(terms.timeout):
        return terms.timeout
    return [terms.timeout, terms.heartbeat, terms.retries, terms.backoff]


def _terms_of(kept: float | list[Value] | None) -> Terms:
    if not isinstance(kept, list):
        return Terms(kept)
    timeout, heartbeat, retries, backoff = kept
    return Terms(timeout=timeout, heartbeat=heartbeat, retries=retries, backoff=backoff)


def _place_of(
    bot: str | None,
    chat_id: int | None,
    user_id: int | None,
    shown: Sequence[Value] = (),
) -> Place:
    return Place(bot, chat_id, user_id, _shown(*shown) if shown else None)


def _shown(
    address: str, stack: str, dialog: str | None, name: str, interval: float
) -> Shown:
    return address, stack, dialog, name, interval
