from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pykka
import pytest

from duologue.actors import AsyncActor, AsyncFuture, Backoff, Operation, Restart

AT_ONCE = Restart(max_restarts=100, within=1_000, backoff=Backoff(0))


class Echo(AsyncActor):
    """Answers with the message."""

    def on_receive(self, message: object) -> object:
        return message


class Recorder(AsyncActor):
    """Records what it handles."""

    def __init__(self, log: list[object] | None = None) -> None:
        super().__init__()
        self.log: list[object] = [] if log is None else log

    def on_receive(self, message: object) -> object:
        self.log.append(message)
        return message


class Reader(AsyncActor):
    """Keeps what it reads; at `"hold"` it reads no further until it is let go."""

    def __init__(
        self,
        seen: list[object] | None = None,
        let_go: AsyncFuture[None] | None = None,
        holds: AsyncFuture[None] | None = None,
    ) -> None:
        super().__init__()
        self.seen: list[object] = [] if seen is None else seen
        self.let_go = let_go or AsyncFuture()
        self.holds = holds or AsyncFuture()

    def on_receive(self, message: object) -> object:
        if message == "hold":
            return self._hold()
        if message == "fail":
            raise LookupError(message)
        self.seen.append(message)
        return message

    async def _hold(self) -> None:
        self.holds.set()
        await self.let_go


class TurnTime:
    """What turns on the running loop take: nothing, until a test spends some.

    Attributes:
        now: Seconds.
    """

    def __init__(self) -> None:
        self.now = 0.0
        setattr(asyncio.get_running_loop(), "turn_time", self)  # noqa: B010 - a loop in virtual time has one

    def __call__(self) -> float:
        return self.now


class Slow(Echo):
    """Takes more than a quantum for a message."""

    def __init__(self, turn_time: TurnTime) -> None:
        super().__init__()
        self.turn_time = turn_time

    def on_receive(self, message: object) -> object:
        self.turn_time.now += 0.001
        return message


async def endless() -> None:
    """Never ends by itself."""
    await asyncio.Event().wait()


async def deaf(_: Operation) -> None:
    """Has been asked, but does not listen."""
    await asyncio.Event().wait()


@pytest.fixture
def everyone_stops() -> Iterator[None]:
    """Stop the actors that a test has started and not stopped."""
    yield
    pykka.ActorRegistry.stop_all(timeout=60)
