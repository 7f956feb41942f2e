"""The rocket of the page about background operations flies as printed there.

Allowed edits: import lines, and the indentation of the body of the class. The page
lies outside of the project; where it is not there, a hash stands for it.
"""

from __future__ import annotations

import ast
import asyncio
import queue
import textwrap
import threading
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest

from duologue.actors import ActorSystem, Worker, Workers, WorkerState

LISTING = Path(__file__).parent / "listings" / "missile.txt"
PAGE = Path(__file__).parents[3] / "shared" / "seeds" / "004_3695975d9e83d1d0.txt"
DIGEST = "91a68dc4951759cc"


class Time:
    """The `time` of the page: seconds pass when the test says so."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._passed = threading.Semaphore(0)

    def sleep(self, seconds: int) -> None:
        """Wait, in the thread of the rocket, for the test."""
        self._asked.put(seconds)
        self._passed.acquire()

    async def rocket_sleeps(self) -> int:
        """Wait for the rocket to fall asleep; for how long it wants to sleep."""
        return await asyncio.to_thread(self._asked.get)

    def passes(self) -> None:
        """Let the rocket sleep no longer."""
        self._passed.release()

    async def flies(self, seconds: int) -> None:
        """Let a sleeping rocket fly, to its next sleep after so many seconds."""
        while seconds > 0:
            self.passes()
            seconds -= await self.rocket_sleeps()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    # Long, for a machine that is busy: the rocket answers at once.
    async with ActorSystem() as system, Workers(system, ping_timeout=30) as made:
        yield made


async def launch(workers: Workers, time: Time, owner: str = "") -> Worker:
    namespace: dict[str, object] = {"__name__": "actions", "time": time}
    exec(compile(LISTING.read_text("utf-8"), "actions.py", "exec"), namespace)  # noqa: S102  # running the listing is what is tested
    return await workers.start(cast("type", namespace["MissleLaunch"]), owner=owner)


def _tree(source: str) -> str:
    return "\n".join(
        ast.unparse(statement)
        for statement in ast.parse(source).body
        if isinstance(statement, ast.ClassDef)
    )


def _class_of_page(page: str) -> str:
    block = page.split("actions.py::\n", 1)[1].split("    class TheAsyncAction", 1)[0]
    head, body = textwrap.dedent(block).strip("\n").split("\n", 1)
    return f"{head}\n{textwrap.indent(body, '    ')}"


def test_the_listing_is_the_one_of_the_page() -> None:
    source = LISTING.read_text("utf-8")

    assert sha256(_tree(source).encode()).hexdigest()[:16] == DIGEST
    if PAGE.exists():
        assert _tree(source) == _tree(_class_of_page(PAGE.read_text("utf-8")))


@pytest.mark.real_time
async def test_the_rocket_flies_for_two_minutes_to_the_boom(
    workers: Workers, time: Time
) -> None:
    worker = await launch(workers, time)
    begun = worker.snapshot
    pause = await time.rocket_sleeps()
    await time.flies(8)
    early = await worker.ping()
    await time.flies(110)
    late = await worker.ping()
    time.passes()
    final = await worker.finished()

    assert begun.text == "Поехали!"
    assert pause == 2
    assert early.text == "Полет завершен на 6.666666666666667%"
    assert early.value == 8 / 120
    assert late.text == "Полет завершен на 98.33333333333333%"
    assert late.is_active
    assert (final.text, final.value) == ("Кабуууум!", 1.0)
    assert final.state is WorkerState.SUCCEEDED
    assert not final.is_active
    assert await worker.ping() == final


@pytest.mark.real_time
async def test_the_rocket_can_be_stopped_half_way(workers: Workers, time: Time) -> None:
    worker = await launch(workers, time)
    await time.rocket_sleeps()
    await time.flies(60)
    half = await worker.ping()
    stopping = await worker.stop("the button")
    time.passes()
    final = await worker.finished()

    assert half.text == "Полет завершен на 50.0%"
    assert stopping.text == "Полет отменен"
    assert (final.text, final.value) == ("Полет отменен", 0.5)
    assert (final.state, final.reason) == (WorkerState.CANCELLED, "the button")
    assert not final.is_active


@pytest.mark.real_time
async def test_the_rockets_of_two_commanders_do_not_share_a_flight(
    workers: Workers,
) -> None:
    hers, his = Time(), Time()
    first = await launch(workers, hers, owner="alice")
    second = await launch(workers, his, owner="bob")
    await hers.rocket_sleeps()
    await his.rocket_sleeps()
    await hers.flies(60)
    await his.flies(12)

    texts = [(await worker.ping()).text for worker in (first, second)]
    await first.stop()
    hers.passes()
    await first.finished()
    other = await second.ping()
    await second.stop()
    his.passes()

    assert texts == ["Полет завершен на 50.0%", "Полет завершен на 10.0%"]
    assert other.is_active
