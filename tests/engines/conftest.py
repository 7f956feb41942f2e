"""The engines that the suite runs with, and what it does with them.

Another engine joins by its name: see docs/engines.md.
"""

from __future__ import annotations

import asyncio
import os
import pkgutil
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

import pytest

from duologue.actors import (
    Engine,
    Letter,
    Mail,
    MemoryEngine,
    Opened,
    Owed,
    TimedLetter,
)
from duologue.transport.sqlite import SqliteEngine
from tests.clusters import ClusteredEngine, cluster
from tests.servers import TestedEngine, redis_program, server, valkey_program

T = TypeVar("T")
A, B, C = "x/a", "x/b", "x/c"
DIALOG = "dialog/max.1:1:1"
ANOTHER = os.environ.get("DUOLOGUE_TEST_ENGINE")
FAR = 9e9  # seconds since 1970


class NewEngine(Protocol):
    """Makes an engine that keeps what it keeps in a folder; not entered yet."""

    def __call__(
        self,
        folder: Path,
        *,
        capacity: int = 1000,
        max_snapshot: int = 1000,
        max_dead_letters: int = 1000,
    ) -> Engine: ...


class MakeEngine(Protocol):
    """Makes an engine and enters it; the fixture leaves it."""

    def __call__(
        self,
        *,
        capacity: int = 1000,
        max_snapshot: int = 1000,
        max_dead_letters: int = 1000,
    ) -> Awaitable[Engine]: ...


def memory_engine(
    folder: Path,  # noqa: ARG001  # it needs none
    *,
    capacity: int = 1000,
    max_snapshot: int = 1000,
    max_dead_letters: int = 1000,
) -> Engine:
    return MemoryEngine(
        capacity=capacity, max_snapshot=max_snapshot, max_dead_letters=max_dead_letters
    )


def sqlite_engine(
    folder: Path,
    *,
    capacity: int = 1000,
    max_snapshot: int = 1000,
    max_dead_letters: int = 1000,
) -> Engine:
    return SqliteEngine(
        folder / "state.db",
        capacity=capacity,
        max_snapshot=max_snapshot,
        max_dead_letters=max_dead_letters,
    )


class RedisEngines:
    """Makes engines on a server, which begins with the first test that needs it."""

    made: ClassVar[type[TestedEngine]] = TestedEngine

    def __init__(self, program: str) -> None:
        self.program = program

    def begin(self) -> str:
        """Begin, and tell the URL."""
        return server(self.program).url

    def __call__(
        self,
        folder: Path,
        *,
        capacity: int = 1000,
        max_snapshot: int = 1000,
        max_dead_letters: int = 1000,
    ) -> Engine:
        return self.made(
            self.begin(),
            namespace=blake2b(str(folder).encode(), digest_size=8).hexdigest(),
            shards=1,
            capacity=capacity,
            max_snapshot=max_snapshot,
            max_dead_letters=max_dead_letters,
        )


class ClusterEngines(RedisEngines):
    """Makes engines on a cluster."""

    made: ClassVar[type[TestedEngine]] = ClusteredEngine

    def begin(self) -> str:
        """Begin, and tell the URL."""
        return cluster(self.program).url


def _engines() -> dict[str, NewEngine]:
    if ANOTHER:
        return {ANOTHER: pkgutil.resolve_name(ANOTHER)}
    engines: dict[str, NewEngine] = {
        "memory": memory_engine,
        "sqlite": sqlite_engine,
        "valkey": RedisEngines(valkey_program()),
    }
    installed = redis_program()
    if installed is not None:
        engines["redis"] = RedisEngines(installed)
    return engines


ENGINES = _engines()
# The model knows nothing of others who take their share, and of mail that is on its way.
OF_ONE_PROCESS = {
    name: engine
    for name, engine in ENGINES.items()
    if not isinstance(engine, RedisEngines)
}


_SLOW = [
    pytest.param(ClusterEngines(valkey_program()), id="cluster", marks=pytest.mark.slow)
]
_PARAMS = [pytest.param(engine, id=name) for name, engine in ENGINES.items()]


@pytest.fixture(params=_PARAMS + ([] if ANOTHER else _SLOW))
def new_engine(request: pytest.FixtureRequest) -> NewEngine:
    made: NewEngine = request.param
    if isinstance(made, RedisEngines):
        made.begin()  # before the loop runs, which nothing may block
    return made


@pytest.fixture
async def make(new_engine: NewEngine, tmp_path: Path) -> AsyncIterator[MakeEngine]:
    async with AsyncExitStack() as stack:

        async def enter(
            *,
            capacity: int = 1000,
            max_snapshot: int = 1000,
            max_dead_letters: int = 1000,
        ) -> Engine:
            engine = new_engine(
                tmp_path,
                capacity=capacity,
                max_snapshot=max_snapshot,
                max_dead_letters=max_dead_letters,
            )
            return await stack.enter_async_context(engine)

        yield enter


def letter(key: str, name: str) -> Letter:
    return Letter(key, Mail(name, name.encode()))


async def idle() -> None:
    """Return when every task waits for something that has yet to happen."""
    await asyncio.sleep(1)


class Desk:
    """Serves some kinds of an engine and collects the keys that it leases."""

    def __init__(self, engine: Engine, *kinds: str, slots: int = 100) -> None:
        self.engine = engine
        self._keys: list[str] = []
        engine.serve(kinds or ("x",), slots, self._keys.append)

    async def leased(self) -> list[str]:
        """The keys that have been leased since the last look."""
        await idle()
        keys = self._keys.copy()
        self._keys.clear()
        return keys

    async def begin(self, key: str = A) -> Opened:
        """Open the one key that has been leased."""
        assert await self.leased() == [key]
        return await self.open(key)

    async def open(self, key: str = A) -> Opened:
        turn = await self.engine.open(key)
        assert turn is not None
        return turn

    async def rest(self) -> list[str]:
        """Handle what is left until nothing comes any more, and tell what it was."""
        names: list[str] = []
        while keys := await self.leased():
            for key in keys:
                turn: Opened | None = await self.open(key)
                while turn is not None:
                    names.append(turn.mail.id)
                    turn = await self.engine.commit(turn, snapshot=None, keep=True)
        return names


async def desk(engine: Engine, *names: str, slots: int = 100) -> Desk:
    """A desk for an engine whose mailbox A has some mail."""
    for name in names:
        await engine.enqueue([letter(A, name)])
    return Desk(engine, slots=slots)


async def fill(engine: Engine, error: str) -> None:
    """Put one of everything there: state, mail, a drawing, a letter, a dead letter."""
    await engine.enqueue([letter(DIALOG, name) for name in ("1", "2", "3")])
    turn = await Desk(engine, "dialog").begin(DIALOG)
    following = await engine.commit(
        turn,
        snapshot='{"name": "Zoë"}'.encode(),
        owed=[Owed("screen/max.1:1", "o", b"view")],
        timed=[TimedLetter("t", DIALOG, FAR, b"later")],
        keep=True,
    )
    assert following is not None
    await engine.fail(following, error=error, retry=False)
