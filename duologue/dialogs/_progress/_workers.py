"""Background workers of dialogs: started and stopped by their turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from duologue.actors import (
    Clock,
    StartPolicy,
    Worker,
    Workers,
    WorkerSnapshot,
    WorkerState,
)
from duologue.actors._workers._durable import Shown
from duologue.actors._workers._progress._questions import Answer
from duologue.actors._workers._start_policy import Executor, Terms
from duologue.dialogs._chat._address import Address, new_id
from duologue.dialogs._delivery._post import Post
from duologue.dialogs._manager._background import BackgroundCalls
from duologue.dialogs._progress._feeds import Feeds
from duologue.dialogs._progress._progress import INTERVAL, FeedPlace
from duologue.dialogs._state._shared import body_for
from duologue.dialogs._state._turn import Turn, active_turn
from duologue.errors import UnknownWorkerError, WorkerRunningError
from duologue.state import States

_Work: TypeAlias = Callable[[], Coroutine[object, object, None]]

# What starts one although another one runs.
_ANEW: Final = (StartPolicy.REPLACE, StartPolicy.QUEUE)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A worker that is wanted; see `DialogWorkers.start`."""

    body: object
    key: str | None
    policy: StartPolicy
    owner: str
    terms: Terms
    place: FeedPlace | None


@dataclass(frozen=True, slots=True)
class _Expected:
    """A worker that is pending until the commit of a turn has started it.

    Attributes:
        snapshot: What is known of it.
        place: Where it will be shown.
        over: Set when it has been started, or never will be.
    """

    snapshot: WorkerSnapshot
    place: FeedPlace | None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class DialogWorkers:
    """Starts and stops background workers on behalf of dialogs.

    Handlers and getters find it under the name `workers`. Inside a turn a worker is
    started and stopped when the turn is committed, and not at all if it fails. A
    worker belongs to the conversation whose turn started it, and the turns of others
    do not find it.

    Args:
        workers: The workers of the runtime.
        feeds: Shows their progress.
        clock: Tells when a worker was asked for.
        states: State that bodies ask for.
        post: Takes what is to be shown.
    """

    def __init__(
        self,
        workers: Workers,
        feeds: Feeds,
        clock: Clock,
        states: States,
        post: Post,
    ) -> None:
        workers.show_by(self._show_again)
        self._post = post
        self._workers = workers
        self._states = states
        self._feeds = feeds
        self._clock = clock
        self._expected: dict[str, _Expected] = {}

    async def start(
        self,
        body: object,
        *,
        show: BackgroundCalls | None = None,
        name: str = "progress",
        interval: float = INTERVAL,
        key: str | None = None,
        policy: StartPolicy = StartPolicy.JOIN,
        owner: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # of the worker, not of this
        executor: Executor | None = None,
        heartbeat: float | None = None,
        retries: int = 0,
        backoff: float = 1.0,
    ) -> str:
        """Start a worker; inside a turn, when it is committed.

        Args:
            body: What does the work; see `Workers.start`.
            show: The dialog that shows its progress: a background manager, often
                `manager.bg()`. See `show_progress`.
            name: The key in `dialog_data` under which it does so. Of several workers
                it shows the one that was started or joined last.
            interval: Seconds from one state on the screen to the next, at the least;
                0.1 if it is less.
            key: At most one worker of an owner is active under a key.
            policy: What to do when there is one.
            owner: Whose worker it is; by default the conversation of the turn, and
                nobody's in particular outside a turn.
            timeout: Seconds after which it is stopped.
            executor: Where the body runs.
            heartbeat: Seconds for which nothing may be heard of it.
            retries: How often it is tried again after it has raised.
            backoff: Seconds before the first retry; each later one waits twice as long.

        Returns:
            Its id, to be kept in `dialog_data`.

        Raises:
            WorkerBodyError: The body is nothing that can run.
            WorkerRunningError: With `REJECT`, if one is active under the key.
            WorkerBodyTakenError: Outside a turn: another worker runs this object.
            SystemClosedError: Outside a turn: the runtime is stopping.
        """
        turn = active_turn()
        owner = _asker() or "" if owner is None else owner
        place = None if show is None else FeedPlace(show, name, interval)
        if turn is not None:
            kept = None if place is None else place.kept
            body = body_for(body, turn.address, self._states, kept)
        terms = Terms(timeout, executor, heartbeat, retries, backoff)
        wish = _Wish(body, key, policy, owner, terms, place)
        if turn is None:
            return await self._start(wish)
        return self._promise(wish, turn)

    async def ping(self, worker_id: str, *, owner: str | None = None) -> WorkerSnapshot:
        """Ask how far a worker is; see `Worker.ping`.

        A worker that this turn has just started is pending.

        Args:
            worker_id: Which.
            owner: Whose it is; inside a turn the conversation by default, outside
                anybody's.

        Raises:
            UnknownWorkerError: There is none, not any more, or not of this owner.
        """
        owner = _asker() if owner is None else owner
        expected = self._expected_by(owner, worker_id)
        try:
            return await self._workers.get(worker_id, owner=owner).ping()
        except UnknownWorkerError:
            if expected is None:
                raise
            return expected.snapshot

    async def stop(
        self, worker_id: str, reason: str = "", *, owner: str | None = None
    ) -> None:
        """Ask a worker to stop; inside a turn, when it is committed.

        Args:
            worker_id: Which.
            reason: Why; kept in its snapshots.
            owner: Whose it is; see `ping`.

        Raises:
            UnknownWorkerError: There is none, not any more, or not of this owner.
        """
        await self._stop(worker_id, reason, _asker() if owner is None else owner)

    async def answer(
        self, worker_id: str, answer: Answer, *, owner: str | None = None
    ) -> bool:
        """Answer what a worker asks for; inside a turn, when it is committed.

        Args:
            worker_id: Which.
            answer: What its `operation.ask()` returns.
            owner: Whose it is; see `ping`.

        Returns:
            Whether it asks for something.

        Raises:
            UnknownWorkerError: There is none in this process, not any more, or not of
                this owner.
        """
        owner = _asker() if owner is None else owner
        worker = self._workers.get(worker_id, owner=owner)
        turn = active_turn()
        if turn is None:
            return worker.answer(answer)

        async def give() -> None:
            worker.answer(answer)

        _at_commit(turn, f"the answer to {worker_id}", give)
        return worker.snapshot.state is WorkerState.INPUT_REQUIRED

    async def stop_shown(self, worker_id: str, reason: str) -> None:
        """Stop a worker that a dialog shows, whoever owns it; see `stop`.

        Raises:
            UnknownWorkerError: There is none, or not any more.
        """
        await self._stop(worker_id, reason, None)

    def shown(self, place: FeedPlace) -> WorkerSnapshot | None:
        """What is known of the worker that is shown in a place, or will be."""
        for expected in reversed(self._expected.values()):
            if expected.place is not None and expected.place.key == place.key:
                return expected.snapshot
        worker = self._feeds.shown(place)
        return None if worker is None else worker.snapshot

    async def look(self, worker_id: str) -> WorkerSnapshot | None:
        """What is known of a worker, whoever owns it; None if that is nothing."""
        try:
            return await self._workers.find(worker_id)
        except UnknownWorkerError:
            return None

    async def _stop(self, worker_id: str, reason: str, owner: str | None) -> None:
        if self._expected_by(owner, worker_id) is None:
            await self._workers.find(worker_id, owner=owner)

        by = _asker() or ""

        async def stop() -> None:
            await self._begun(worker_id)
            try:
                await self._workers.get(worker_id).stop(reason, by=by)
            except UnknownWorkerError:  # another process runs it, or nobody any more
                await self._workers.ask_to_stop(worker_id, reason)

        turn = active_turn()
        if turn is None:
            await stop()
        else:
            _at_commit(turn, f"the stop of {worker_id}", stop)

    async def _start(self, wish: _Wish, worker_id: str | None = None) -> str:
        """Start a worker and show it; return its id."""
        worker = await self._workers.start(
            wish.body,
            id=worker_id,
            key=wish.key,
            policy=wish.policy,
            owner=wish.owner,
            timeout=wish.terms.timeout,
            executor=wish.terms.executor,
            heartbeat=wish.terms.heartbeat,
            retries=wish.terms.retries,
            backoff=wish.terms.backoff,
        )
        self._show(worker, wish.place)
        return worker.id

    def _promise(self, wish: _Wish, turn: Turn) -> str:
        """Arrange what the commit will do, and return the id of the worker."""
        kind = self._workers.kind_of(wish.body)
        running = self._running(wish.owner, wish.key)
        if running is None or wish.policy in _ANEW:
            expected = self._expect(wish, kind)
            turn.undo.append(lambda: self._expect_no_more(expected))
            snapshot = self._expected[expected].snapshot
            letter = self._workers.letter(wish.body, snapshot, wish.terms)
            if letter is None:
                start = self._fulfil
            else:
                start = self._await_arrival
                turn.outbox.append(letter)
            _at_commit(turn, f"the start of {kind}", lambda: start(expected, wish))
            return expected
        if wish.policy is StartPolicy.REJECT:
            raise WorkerRunningError(str(wish.key), running)
        _at_commit(turn, f"joining {kind}", lambda: self._join(running, wish))
        return running

    def _expect(self, wish: _Wish, kind: str) -> str:
        """Note a worker for those who ask before it is started; return its id."""
        worker_id = new_id()
        now = self._clock.time()
        self._expected[worker_id] = _Expected(
            WorkerSnapshot(worker_id, kind, wish.owner, wish.key, now, now), wish.place
        )
        return worker_id

    def _expect_no_more(self, worker_id: str) -> None:
        self._expected.pop(worker_id).over.set()

    def _expected_by(self, owner: str | None, worker_id: str) -> _Expected | None:
        """Find a worker that is not started yet; None owns every worker."""
        expected = self._expected.get(worker_id)
        if expected is None or owner not in {None, expected.snapshot.owner}:
            return None
        return expected

    async def _begun(self, worker_id: str) -> None:
        """Wait until a worker is not only expected any more."""
        expected = self._expected.get(worker_id)
        if expected is not None:
            await expected.over.wait()

    async def _fulfil(self, worker_id: str, wish: _Wish) -> None:
        try:
            await self._start(wish, worker_id)
        finally:
            self._expect_no_more(worker_id)

    async def _await_arrival(self, worker_id: str, wish: _Wish) -> None:
        """Show a worker whose start has left as mail with the commit."""
        try:
            running = self._workers.running(wish.key or "", owner=wish.owner)
            waits = wish.policy is StartPolicy.QUEUE
            if running is not None and running.id != worker_id and not waits:
                await running.stop("another one takes its place")
            worker = await self._workers.arrival(worker_id)
            if worker is not None:
                self._show(worker, wish.place)
        finally:
            self._expect_no_more(worker_id)

    async def _join(self, worker_id: str, wish: _Wish) -> None:
        await self._begun(worker_id)
        try:
            worker = self._workers.get(worker_id)
        except UnknownWorkerError:  # the turn that was to start it has failed
            await self._start(wish, worker_id)
        else:
            self._show(worker, wish.place)

    def _show_again(self, known: Worker | WorkerSnapshot, shown: Shown) -> None:
        """Show a task that goes on after its process has died, or its end."""
        key, stack_id, intent_id, name, interval = shown
        address = Address.parse(key)
        dialog = BackgroundCalls(
            self._post, address, stack_id=stack_id, intent_id=intent_id
        )
        place = FeedPlace(dialog, name, interval)
        if isinstance(known, Worker):
            self._feeds.show(known, place)
        else:
            self._feeds.show_end(known, place)

    def _show(self, worker: Worker, place: FeedPlace | None) -> None:
        if place is not None:
            self._feeds.show(worker, place)

    def _running(self, owner: str, key: str | None) -> str | None:
        """The worker that is active under a key, or the one that will be next."""
        if key is None:
            return None
        for expected in reversed(self._expected.values()):
            if (expected.snapshot.owner, expected.snapshot.key) == (owner, key):
                return expected.snapshot.id
        running = self._workers.running(key, owner=owner)
        return None if running is None else running.id


def _asker() -> str | None:
    """The conversation of the turn, which owns what it starts; None outside."""
    turn = active_turn()
    return None if turn is None else turn.address.key


def _at_commit(turn: Turn, name: str, work: _Work) -> None:
    turn.effects.append((name, work))
