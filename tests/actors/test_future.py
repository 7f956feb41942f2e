"""A future serves tasks and threads, and no waiter disturbs another."""

from __future__ import annotations

import asyncio
import queue
import threading

import pykka
import pytest

from duologue.actors import ActorSystem, AsyncFuture
from duologue.errors import BlockingCallError


def future_of(value: int) -> AsyncFuture[int]:
    future: AsyncFuture[int] = AsyncFuture()
    future.set(value)
    return future


async def value_of(future: pykka.Future[int]) -> int:
    return await future


async def test_awaiting_gives_the_value_set_later() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    asyncio.get_running_loop().call_later(3, future.set, 5)

    assert await future == 5


async def test_the_loop_runs_on_while_a_thread_sets_the_value() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(value_of(future))
        await asyncio.to_thread(future.set, 5)

    assert waiter.result() == 5


async def test_cancelling_one_waiter_harms_no_other() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    async with asyncio.TaskGroup() as group:
        given_up = group.create_task(value_of(future))
        patient = group.create_task(value_of(future))
        await asyncio.sleep(1)
        given_up.cancel()
        await asyncio.sleep(1)
        future.set(5)

    assert given_up.cancelled()
    assert patient.result() == 5


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await future

    assert not future._wakers


def test_waiters_on_several_loops_all_get_the_value() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    values: list[int] = []
    ready = threading.Barrier(4)

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(ready.wait)
        values.append(await future)

    threads = [threading.Thread(target=lambda: asyncio.run(wait())) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    future.set(5)
    for thread in threads:
        thread.join()

    assert values == [5, 5, 5]


def test_get_times_out_in_a_thread() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    with pytest.raises(pykka.Timeout):
        future.get(timeout=0.001)

    assert not future._wakers


def test_a_future_is_set_once() -> None:
    future = future_of(1)

    with pytest.raises(queue.Full):
        future.set(2)
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda _: 2)


async def test_an_exception_reaches_both_kinds_of_waiter() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    try:
        int("lost")
    except ValueError:
        future.set_exception()

    with pytest.raises(ValueError, match="lost"):
        await future
    with pytest.raises(ValueError, match="lost"):
        future.get()


def test_an_exception_may_be_a_class_alone() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    future.set_exception((LookupError, None, None))

    with pytest.raises(LookupError):
        future.get()


async def test_derived_futures_are_awaited_without_blocking() -> None:
    one: AsyncFuture[int] = AsyncFuture()
    two: AsyncFuture[int] = AsyncFuture()
    loop = asyncio.get_running_loop()
    loop.call_later(1, one.set, 1)
    loop.call_later(2, two.set, 2)

    doubled = await one.join(two).map(lambda values: [value * 2 for value in values])
    large = await one.join(two).filter(lambda value: value > 1)
    total = await one.join(two).reduce(lambda left, right: left + right, 10)

    assert doubled == [2, 4]
    assert large == [2]
    assert total == 13


def test_derived_futures_are_worked_out_once() -> None:
    calls: list[int] = []
    derived = future_of(1).map(calls.append)

    derived.get()
    derived.get()

    assert calls == [1]


def test_a_derived_future_times_out_like_its_source() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    with pytest.raises(pykka.Timeout):
        future.map(str).get(timeout=0.001)


async def test_an_exception_passes_through_derived_futures() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    future.set_exception((LookupError, LookupError("lost"), None))

    with pytest.raises(LookupError, match="lost"):
        await future.map(str).map(len)


async def test_a_hook_of_unknown_origin_is_awaited_in_a_thread() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    future.set_get_hook(lambda _: threading.get_ident())

    assert await future.map(lambda ident: ident) != threading.get_ident()
    assert await future != threading.get_ident()


async def test_joining_a_threading_future_does_not_block_the_loop() -> None:
    mine = future_of(1)
    other: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()

    async with asyncio.TaskGroup() as group:
        both = group.create_task(value_of(mine.join(other).map(sum)))
        await asyncio.to_thread(other.set, 2)

    assert both.result() == 3


async def test_a_thread_that_runs_actors_may_read_but_not_wait() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    async with ActorSystem():
        with pytest.raises(BlockingCallError, match="await"):
            future.get()
        with pytest.raises(BlockingCallError, match="await"):
            future.map(str).get()
        with pytest.raises(pykka.Timeout):
            future.get(timeout=0)
        future.set(5)

        assert future.get() == 5
        assert future.map(str).get() == "5"

    assert repr(future) == "<AsyncFuture done>"
