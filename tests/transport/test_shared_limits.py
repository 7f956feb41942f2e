"""The calls of a bot that works in several processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from secrets import token_hex

import pytest

from duologue.actors import LoopClock
from duologue.transport._shared_limits import SharedBucket
from tests.servers import TestedEngine, server, valkey_program

CAPACITY = 5


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
def url() -> str:
    return server(valkey_program()).url


@pytest.fixture
async def buckets(url: str) -> AsyncIterator[list[SharedBucket]]:
    """The buckets of one bot in two processes."""
    namespace = token_hex(8)
    async with AsyncExitStack() as stack:
        made: list[SharedBucket] = []
        for _ in range(2):
            engine = TestedEngine(url, namespace=namespace, shards=1)
            await stack.enter_async_context(engine)
            bucket = SharedBucket(
                CAPACITY, 1.0, clock=LoopClock(), name="max.1", allowance=engine
            )
            made.append(bucket)
        yield made


@pytest.mark.real_time  # virtual time would go on while the server is waited for
async def test_two_processes_together_make_no_more_calls_than_one_may(
    buckets: list[SharedBucket],
) -> None:
    calls: list[float] = []

    async def call(bucket: SharedBucket) -> None:
        for _ in range(20):
            await bucket.take()
            calls.append(now())
            bucket.arrived()

    async with asyncio.TaskGroup() as group:
        for bucket in buckets:
            group.create_task(call(bucket))

    calls.sort()
    windows = [
        later - earlier for earlier, later in zip(calls, calls[CAPACITY:], strict=False)
    ]
    assert len(calls) == 40
    assert min(windows) >= 1.0
    assert calls[-1] - calls[0] < 15.0


async def test_a_pause_that_one_process_is_told_holds_for_all(
    buckets: list[SharedBucket],
) -> None:
    one, other = buckets
    await one.take()
    before = now()
    one.pause(5.0)

    async with asyncio.TaskGroup() as group:
        group.create_task(one.take())  # whoever asks next says it
        await asyncio.sleep(5.1)
        one.pause(5.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(one.take())
        await asyncio.sleep(5.1)
        group.create_task(other.take())

    assert now() - before >= 15.0


async def test_a_lone_process_finds_most_of_its_tokens_without_asking(
    buckets: list[SharedBucket],
) -> None:
    bucket = SharedBucket(
        28, 1.0, clock=LoopClock(), name="max.2", allowance=buckets[0]._allowance
    )
    await bucket.take()

    assert [bucket.try_take() for _ in range(6)] == [True] * 5 + [False]
