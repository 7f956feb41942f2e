"""A future serves tasks and threads, and no waiter disturbs another."""

from __future__ import annotations

import asyncio
import gc
import itertools
import queue
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager

import pykka
import pytest
from hypothesis import given, strategies as st

from duologue.actors import ActorSystem, AsyncActor, AsyncFuture
from duologue.errors import BlockingCallError


def future_of(value: int) -> AsyncFuture[int]:
    future: AsyncFuture[int] = AsyncFuture()
    future.set(value)
    return future


async def value_of(future: pykka.Future[int]) -> int:
    return await future


def waiters_of(future: AsyncFuture[int]) -> int:
    wakers = future._wakers
    if wakers is None:
        return 0
    return len(wakers) if isinstance(wakers, Sized) else 1


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


async def test_a_derived_future_is_ready_when_its_source_is() -> None:
    source: AsyncFuture[int] = AsyncFuture()
    derived = source.map(lambda value: value + 1)
    asyncio.get_running_loop().call_later(1, source.set, 1)

    assert not derived.is_ready()
    assert await derived == 2
    assert source.map(str).is_ready()


def test_derived_futures_are_worked_out_once() -> None:
    calls: list[int] = []
    derived = future_of(1).map(calls.append)

    derived.get()
    derived.get()

    assert calls == [1]


def test_threads_that_read_a_derived_future_at_once_get_the_same_value(
    between_steps: Callable[[Callable[[], object]], AbstractContextManager[None]],
) -> None:
    source = future_of(1)

    def read(moment: int, look: Callable[[AsyncFuture[int]], object]) -> object:
        derived = source.map(lambda value: value + 1)
        steps = itertools.count()
        with ThreadPoolExecutor(1) as thread:

            def meanwhile() -> None:
                if next(steps) == moment:
                    wait([thread.submit(derived.get)], timeout=0.1)

            with between_steps(meanwhile):
                return look(derived)

    assert {read(moment, AsyncFuture.get) for moment in range(40)} == {2}
    assert {read(moment, AsyncFuture.is_ready) for moment in range(20)} == {True}


def test_a_signal_handler_may_use_futures_at_any_moment(
    between_steps: Callable[[Callable[[], object]], AbstractContextManager[None]],
) -> None:
    def read(moment: int) -> int:
        future: AsyncFuture[int] = AsyncFuture()
        steps = itertools.count()

        def handle_signal() -> None:
            if next(steps) == moment:
                future.set(5)

        with between_steps(handle_signal):
            try:
                value = future.get(timeout=0.001)
            except pykka.Timeout:
                value = 0  # the moment was later
        assert waiters_of(future) == 0
        return value

    values = [read(moment) for moment in range(150)]

    assert values == sorted(values, reverse=True)
    assert set(values) == {5, 0}


async def test_a_chain_may_have_any_length() -> None:
    def chain(first: AsyncFuture[int]) -> AsyncFuture[int]:
        for _ in range(5000):
            first = first.map(lambda value: value + 1)
        return first

    pending: AsyncFuture[int] = AsyncFuture()
    awaited = chain(pending)
    asyncio.get_running_loop().call_later(1, pending.set, 0)

    assert not awaited.is_ready()
    assert await awaited == 5000
    assert chain(pending).is_ready()
    assert chain(pending).get() == 5000


def test_a_future_that_is_used_many_times_over_is_worked_out_once() -> None:
    calls: list[int] = []

    def note(value: int) -> int:
        calls.append(value)
        return value

    shared = future_of(1).map(note)
    for _ in range(20):
        shared = shared.join(shared).map(sum)

    assert shared.is_ready()
    assert shared.get() == 2**20
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


async def test_a_thousand_waiters_leave_one_by_one() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    loop = asyncio.get_running_loop()
    waiting = [loop.create_task(value_of(future)) for _ in range(1000)]
    await asyncio.sleep(1)

    for task in waiting[1:]:
        task.cancel()
    await asyncio.wait(waiting[1:])
    future.set(5)

    assert await waiting[0] == 5
    assert all(task.cancelled() for task in waiting[1:])


async def test_waiters_are_woken_in_the_order_in_which_they_came() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await future
        woken.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(wait(number))
        await asyncio.sleep(1)
        future.set(5)

    assert woken == [0, 1, 2, 3, 4]


def test_a_task_is_woken_whose_loop_has_moved_to_another_thread() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    loop = asyncio.new_event_loop()
    loop.set_debug(True)  # it raises if another thread calls it carelessly
    waiting = loop.create_task(value_of(future))
    loop.run_until_complete(asyncio.sleep(0))
    is_running = threading.Event()
    loop.call_soon(is_running.set)

    with ThreadPoolExecutor(1) as elsewhere:
        value = elsewhere.submit(loop.run_until_complete, waiting)
        is_running.wait()
        try:
            future.set(5)
        finally:
            loop.call_soon_threadsafe(loop.call_later, 20, loop.stop)

    loop.close()
    assert value.result() == 5


def test_a_loop_that_closed_while_it_waited_keeps_nobody_from_the_value() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    values: list[int] = []
    left_waiting: list[asyncio.Task[int]] = []

    def wait_and_close() -> None:
        loop = asyncio.new_event_loop()
        left_waiting.append(loop.create_task(value_of(future)))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(future.set, 5)
        values.append(await future)

    elsewhere = threading.Thread(target=wait_and_close)
    elsewhere.start()
    elsewhere.join()
    asyncio.run(wait())
    abandoned = left_waiting[0].get_coro()
    assert abandoned is not None
    abandoned.close()

    assert values == [5]


async def test_a_value_being_worked_out_in_a_thread_is_waited_for() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slowly(value: int) -> int:
        begun.set()
        may_end.wait(60)
        return value + 1

    derived = future_of(1).map(slowly)
    twice = derived.map(lambda value: value * 2)

    async with asyncio.TaskGroup() as group:
        thread = group.create_task(asyncio.to_thread(derived.get))
        await asyncio.to_thread(begun.wait, 60)
        here = group.create_task(value_of(derived))
        further = group.create_task(value_of(twice))
        await asyncio.sleep(0)
        may_end.set()

    assert (thread.result(), here.result(), further.result()) == (2, 2, 4)


async def test_a_cancelled_wait_for_a_threading_future_ends_its_thread() -> None:
    never: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    before = set(threading.enumerate())
    future = AsyncFuture.of(never)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await future
    for thread in set(threading.enumerate()) - before:
        thread.join(60)

    assert set(threading.enumerate()) <= before


async def test_waits_for_threading_futures_do_not_keep_out_one_another() -> None:
    futures: list[pykka.ThreadingFuture[int]] = [
        pykka.ThreadingFuture() for _ in range(40)
    ]
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(value_of(AsyncFuture.of(future))) for future in futures]
    await asyncio.sleep(0)

    values: list[int] = []
    for number in reversed(range(40)):
        futures[number].set(number)
        values.append(await waits[number])

    assert values == list(reversed(range(40)))


async def test_any_future_of_pykka_can_be_made_awaitable() -> None:
    blocking: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    failing: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    failing.set_exception((pykka.Timeout, pykka.Timeout("its own"), None))
    mine = future_of(5)

    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(value_of(AsyncFuture.of(blocking)))
        await asyncio.to_thread(blocking.set, 5)

    assert waiter.result() == 5
    assert AsyncFuture.of(mine) is mine
    with pytest.raises(pykka.Timeout, match="its own"):
        await AsyncFuture.of(failing)


async def test_a_cancelled_wait_for_a_derived_future_leaves_nothing_behind() -> None:
    one: AsyncFuture[int] = AsyncFuture()
    two: AsyncFuture[int] = AsyncFuture()
    both = one.join(two).map(sum)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await both
    one.set(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await both

    assert (waiters_of(one), waiters_of(two)) == (0, 0)
    two.set(2)
    assert await both == 3


def test_joined_futures_share_one_timeout() -> None:
    left: list[float | None] = []
    futures: list[AsyncFuture[None]] = [AsyncFuture() for _ in range(3)]
    for future in futures:
        future.set_get_hook(left.append)

    futures[0].join(*futures[1:]).get(timeout=7)

    given = [seconds or 0 for seconds in left]
    assert given == sorted(given, reverse=True)
    assert given[0] == 7 > given[1] > 0


@pytest.mark.parametrize("future_class", [AsyncFuture, pykka.ThreadingFuture])
async def test_a_hook_that_fails_is_run_once_and_away_from_the_loop(
    future_class: type[pykka.Future[int]],
) -> None:
    ran_in: list[int] = []

    def hook(_timeout: float | None) -> int:
        ran_in.append(threading.get_ident())
        raise LookupError("no value")

    future = future_class()
    future.set_get_hook(hook)

    with pytest.raises(LookupError, match="no value"):
        await AsyncFuture.of(future).map(abs).join(future_of(1))

    assert len(ran_in) == 1
    assert ran_in != [threading.get_ident()]


@pytest.mark.real_time
async def test_a_hook_with_a_timeout_of_its_own_is_not_run_for_ever() -> None:
    timeouts: list[float | None] = []
    never: pykka.Future[int] = pykka.ThreadingFuture()

    def hook(timeout: float | None) -> int:
        timeouts.append(timeout)
        return never.get(timeout=0.2)

    future: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    future.set_get_hook(hook)

    with pytest.raises(pykka.Timeout, match=r"0\.2 seconds"):
        await AsyncFuture.of(future)

    assert len(timeouts) <= 3


async def test_a_hook_that_fails_is_asked_again() -> None:
    calls: list[float | None] = []

    def hook(timeout: float | None) -> int:
        calls.append(timeout)
        if len(calls) == 1:
            raise LookupError("not yet")
        return 5

    future: AsyncFuture[int] = AsyncFuture()
    future.set_get_hook(hook)

    with pytest.raises(LookupError, match="not yet"):
        await future
    assert await future == 5
    assert await future == 5
    assert len(calls) == 2


async def test_a_hook_set_while_tasks_wait_answers_them() -> None:
    future: AsyncFuture[int] = AsyncFuture()

    async with asyncio.TaskGroup() as group:
        waiter = group.create_task(value_of(future))
        await asyncio.sleep(1)
        future.set_get_hook(lambda _: 5)

    assert waiter.result() == 5


def test_a_hook_is_given_the_timeout() -> None:
    timeouts: list[float | None] = []
    future: AsyncFuture[None] = AsyncFuture()
    future.set_get_hook(timeouts.append)

    future.get(timeout=7)

    assert timeouts == [7]


@pytest.mark.parametrize("derive", ["filter", "reduce"])
def test_what_is_no_iterable_cannot_be_filtered_or_reduced(derive: str) -> None:
    future: AsyncFuture[object] = AsyncFuture()
    future.set(5)

    derived = getattr(future, derive)(max)

    with pytest.raises(TypeError, match=r"iterable|iteration"):
        derived.get()


def test_reducing_nothing_gives_the_initial_value() -> None:
    future: AsyncFuture[Iterable[int]] = AsyncFuture()
    future.set([])

    assert future.reduce(lambda left, right: left + right, 7).get() == 7
    with pytest.raises(TypeError, match="empty"):
        future.reduce(lambda left, right: left + right).get()


def test_the_values_of_many_futures_come_in_order() -> None:
    futures = [future_of(number) for number in range(3)]

    assert pykka.get_all(futures, timeout=1) == [0, 1, 2]


def test_a_threading_future_joins_ours() -> None:
    theirs: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    theirs.set(1)

    assert theirs.join(future_of(2)).map(sum).get(timeout=1) == 3


def test_a_future_that_nobody_reads_is_gone_at_once() -> None:
    future: AsyncFuture[int] = AsyncFuture()
    gone = weakref.ref(future)
    future.set_exception((LookupError, LookupError("unread"), None))

    del future

    assert gone() is None


class Unlucky(AsyncActor):
    """Fails in a handler and in a coroutine."""

    def on_receive(self, message: object) -> object:
        raise LookupError(message)

    async def later(self) -> None:
        await asyncio.sleep(0)
        raise LookupError


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("is_read", [False, True])
async def test_a_failed_answer_leaves_no_work_to_the_collector(
    *, is_read: bool
) -> None:
    async with ActorSystem() as system:
        ref = Unlucky.start()
        asked, called = ref.ask("hello", block=False), ref.proxy().later()
        answers = [weakref.ref(asked), weakref.ref(called)]

        if is_read:
            for future in (asked, called):
                with pytest.raises(LookupError):
                    await future
            del future
        del asked, called
        await system.settled()

        assert [answer() for answer in answers] == [None, None]


@given(
    st.lists(
        st.sampled_from(["wait", "cancel first", "cancel last", "set"]), max_size=40
    )
)
def test_no_history_of_waits_leaves_a_waiter_behind(history: list[str]) -> None:
    async def play() -> None:
        future: AsyncFuture[int] = AsyncFuture()
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Task[int]] = []
        for step in history:
            if step == "wait":
                waiting.append(loop.create_task(value_of(future)))
            elif step == "set":
                if not future.is_ready():
                    future.set(5)
            elif waiting:
                waiting.pop(0 if step == "cancel first" else -1).cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if not future.is_ready():
            assert waiters_of(future) == len(waiting)
            future.set(5)
        assert await asyncio.gather(*waiting) == [5] * len(waiting)
        assert waiters_of(future) == 0

    asyncio.run(play())
