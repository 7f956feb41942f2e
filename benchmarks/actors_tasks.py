"""The works of the comparison, done by a task and an asyncio.Queue per actor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeAlias

import actors_loops as loops
from actors import (
    Board,
    Counting,
    Echoing,
    Figures,
    Setup,
    Ticking,
    beside_a_backlog,
)

# A message, and who waits for the answer.
Letter: TypeAlias = tuple[object, asyncio.Future[object] | None]


class Handler(Protocol):
    """What handles the messages of an actor."""

    def on_receive(self, message: object) -> object:
        """Handle a message."""


class TaskActor:
    """Somebody with a queue of letters."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._letters: asyncio.Queue[Letter] = asyncio.Queue()

    async def run(self) -> None:
        """Handle letters, one after the other, without end."""
        while True:
            message, reply_to = await self._letters.get()
            answer = self._handler.on_receive(message)
            if reply_to is not None:
                reply_to.set_result(answer)

    def tell(self, message: object) -> None:
        """Send a message."""
        self._letters.put_nowait((message, None))

    async def ask(self, message: object) -> object:
        """Send a message and wait for the answer."""
        reply_to = asyncio.get_running_loop().create_future()
        self._letters.put_nowait((message, reply_to))
        return await reply_to


@asynccontextmanager
async def running(actors: list[TaskActor]) -> AsyncIterator[None]:
    """Run actors, each in a task, until the end of the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(actor.run()) for actor in actors]
        await asyncio.sleep(0)
        yield
        for task in tasks:
            task.cancel()


def tell_idle(setup: Setup) -> Figures:
    """Wake ten thousand idle actors with a message each."""
    return setup.run(_tell_idle(setup.of(10_000), passes=10))


async def _tell_idle(number_of_actors: int, passes: int) -> Figures:
    board = Board()
    actors = [TaskActor(Ticking(board)) for _ in range(number_of_actors)]
    async with running(actors):
        return await loops.tell_in_passes(actors, passes, board)


def backlog(setup: Setup) -> Figures:
    """Ask an actor, and go round the loop, while another has a backlog."""
    return setup.run(_backlog(setup.of(300_000)))


async def _backlog(messages: int) -> Figures:
    finished = asyncio.Event()
    busy, other = TaskActor(Counting(messages, finished.set)), TaskActor(Echoing())
    async with running([busy, other]):

        def fill() -> None:
            for number in range(messages):
                busy.tell(number)

        async def ask() -> object:
            return await other.ask(0)

        return await beside_a_backlog(fill, ask, finished)
