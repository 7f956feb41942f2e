"""What becomes of a delivery, whatever the runtime says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from duologue.actors import Counts
from duologue.dialogs import Bot
from duologue.errors import (
    EngineClosedError,
    EngineUnavailableError,
    RuntimeStoppedError,
)
from duologue.testing import RecordingBot
from duologue.transport.webhook._reception import (
    AWAY,
    FAILED,
    FULL,
    LATE,
    SAFE,
    STOPPING,
    Answer,
    Reception,
)

Future = asyncio.Future[None]


def reception(
    accept: Callable[[Bot, bytes], Awaitable[Future | None]], *, window: int = 2
) -> Reception:
    return Reception(RecordingBot(), accept, observer=Counts(), window=window)


def never() -> Future:
    return asyncio.get_running_loop().create_future()


async def take_never(_bot: Bot, _body: bytes) -> Future:
    return never()


async def test_what_comes_when_the_window_is_full_comes_again() -> None:
    full = reception(take_never)
    waiting = [asyncio.ensure_future(full.take(body)) for body in (b"1", b"2")]  # noqa: TID251  # awaited below
    await asyncio.sleep(0)

    answer, open_now = await full.take(b"3"), full.open
    rest = await asyncio.gather(*waiting)

    assert (answer, open_now) == (FULL, 2)
    assert rest == [LATE, LATE]
    assert full.open == 0


async def test_a_mailbox_that_has_no_room_for_25_s_is_late() -> None:
    async def wait(_bot: Bot, _body: bytes) -> None:
        await never()

    assert await reception(wait).take(b"1") == LATE


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (EngineUnavailableError("max.1", "the disk is full"), AWAY),
        (EngineClosedError("max.1"), STOPPING),
        (RuntimeStoppedError(), STOPPING),
        (KeyError("x"), FAILED),
    ],
)
async def test_what_is_not_taken_in_comes_again(
    error: Exception, answer: Answer
) -> None:
    async def refuse(_bot: Bot, _body: bytes) -> None:
        raise error

    async def give_up(_bot: Bot, _body: bytes) -> Future:
        future = never()
        future.set_exception(error)
        return future

    answers = [await reception(way).take(b"1") for way in (refuse, give_up)]

    assert answers == [answer, answer]
    assert answer.retry_after == 5


async def test_a_turn_that_is_given_up_comes_again() -> None:
    async def give_up(_bot: Bot, _body: bytes) -> Future:
        future = never()
        future.cancel()
        return future

    assert await reception(give_up).take(b"1") == FAILED


async def test_the_same_update_waits_for_the_turn_that_runs() -> None:
    turns: list[Future] = []

    async def begin(_bot: Bot, _body: bytes) -> Future:
        turns.append(never())
        return turns[-1]

    door = reception(begin)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(door.take(b"same"))
        await asyncio.sleep(0)
        second = group.create_task(door.take(b"same"))
        await asyncio.sleep(1)
        turns[0].set_result(None)
    third = asyncio.ensure_future(door.take(b"same"))  # noqa: TID251  # awaited below
    await asyncio.sleep(0)

    assert (first.result(), second.result()) == (SAFE, SAFE)
    assert len(turns) == 2
    assert await third == LATE


async def test_a_closed_door_takes_nothing_and_finishes_what_it_has() -> None:
    turn = never()

    async def begin(_bot: Bot, _body: bytes) -> Future:
        return turn

    door = reception(begin)
    async with asyncio.TaskGroup() as group:
        begun = group.create_task(door.take(b"1"))
        await asyncio.sleep(0)
        door.close()
        late = await door.take(b"2")
        turn.set_result(None)

    assert (late, begun.result()) == (STOPPING, SAFE)
