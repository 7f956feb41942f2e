"""An actor that a test talks through: it records, answers and is asked what came."""

from __future__ import annotations

import asyncio
import threading
from bisect import insort
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple, Self, TypeAlias, TypeVar, cast

from duologue.actors._actor import AsyncActor
from duologue.actors._futures._future import AsyncFuture
from duologue.actors._lifecycle._relations import watchable
from duologue.actors._lifecycle._ties import AnyAsyncRef
from duologue.actors._ref import AsyncActorRef
from duologue.actors._system._system import ActorSystem
from duologue.errors import NotReceivedError

M = TypeVar("M")

ProbeAnswer: TypeAlias = Callable[[object], object]
Numbered: TypeAlias = tuple[int, object]


class Probe:
    """Stands for an actor in a test: give its ref away, then ask what it received.

    Make one with `Probe.start()`. Its methods can be called from any thread and
    awaited on any loop.

    Attributes:
        ref: The ref of the probe's actor.
    """

    def __init__(self, ref: AsyncActorRef[ProbeActor], record: ProbeRecord) -> None:
        self.ref: AsyncActorRef[ProbeActor] = ref
        self._record = record

    @classmethod
    def start(
        cls, *, system: ActorSystem | None = None, answer: ProbeAnswer | None = None
    ) -> Self:
        """Start a probe.

        Args:
            system: Where its actor lives; where a bare `AsyncActor.start()` would
                put it when left out.
            answer: Gives the answer to each message, may be `async def`, and may
                raise; the answer is None when left out.
        """
        record = ProbeRecord()
        if system is None:
            return cls(ProbeActor.start(record, answer), record)
        return cls(system.start(ProbeActor, record, answer), record)

    @property
    def received(self) -> tuple[object, ...]:
        """Every message so far, in the order in which they came."""
        return self._record.messages()

    async def next(self, kind: type[M], *, timeout: float = 5.0) -> M:  # noqa: ASYNC109 - it says what was missing
        """The oldest message of a kind that has not been taken; waits for one.

        Messages of other kinds stay where they are. A wait that ends without a
        message takes none.

        Args:
            kind: Its class, or one of its base classes.
            timeout: Seconds to wait at most, on the running loop.

        Raises:
            NotReceivedError: If none comes in time; it lists what came instead.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._record.take(kind)
        except TimeoutError:
            came = tuple(type(other).__name__ for other in self.received)
            raise NotReceivedError(kind.__name__, timeout, came) from None

    def watch(self, ref: object) -> None:
        """Let the probe receive a `Terminated` when another actor has stopped.

        Raises:
            WatchError: If it is no ref of another `AsyncActor`.
        """
        self.ref.tell(_Watch(watchable(ref, cast("AnyAsyncRef", self.ref))))


class ProbeActor(AsyncActor):
    """The actor of a probe."""

    def __init__(self, record: ProbeRecord, answer: ProbeAnswer | None) -> None:
        super().__init__()
        self._record = record
        self._answer = answer

    def on_receive(self, message: object) -> object:
        """Record a message and answer it."""
        if isinstance(message, _Watch):
            self.watch(message.ref)
            return None
        self._record.add(message)
        return None if self._answer is None else self._answer(message)


class ProbeRecord:
    """What a probe has received and who waits for more; safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[object] = []
        # With their places among all, so that one that is given back is in order.
        self._untaken: list[Numbered] = []
        self._waiting: dict[AsyncFuture[Numbered], type] = {}

    def messages(self) -> tuple[object, ...]:
        """Every message so far."""
        with self._lock:
            return tuple(self._messages)

    def add(self, message: object) -> None:
        """Keep a message, or give it to the first who waits for its kind."""
        with self._lock:
            numbered = (len(self._messages), message)
            self._messages.append(message)
            for future, kind in self._waiting.items():
                if isinstance(message, kind):
                    del self._waiting[future]
                    future.set(numbered)
                    return
            self._untaken.append(numbered)

    async def take(self, kind: type[M]) -> M:
        """The oldest message of a kind that is left; waits for one."""
        future = self._expect(kind)
        try:
            _, message = await future
        except BaseException:  # cancelled, or its loop was closed
            self._give_up(future)
            raise
        return cast("M", message)

    def _expect(self, kind: type) -> AsyncFuture[Numbered]:
        future: AsyncFuture[Numbered] = AsyncFuture()
        with self._lock:
            for place, numbered in enumerate(self._untaken):
                if isinstance(numbered[1], kind):
                    future.set(self._untaken.pop(place))
                    return future
            self._waiting[future] = kind
        return future

    def _give_up(self, future: AsyncFuture[Numbered]) -> None:
        """Expect it no more; a message that came in the same moment stays."""
        with self._lock:
            if self._waiting.pop(future, None) is None:
                insort(self._untaken, future.get(timeout=0), key=itemgetter(0))


class _Watch(NamedTuple):
    """Watch an actor.

    Attributes:
        ref: Its ref.
    """

    ref: object
