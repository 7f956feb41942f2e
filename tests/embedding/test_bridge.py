"""The bridge carries any asynchronous object, not only those of the runtime."""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
import traceback
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from typing import Protocol, Self, cast

import pytest

from duologue.errors import (
    BlockingCallError,
    CallCancelledError,
    CallTimeoutError,
    RuntimeStoppedError,
)
from duologue.threads import Waitable
from duologue.threads._blocking import Blocking
from duologue.threads._call import LoopCall, surroundings
from duologue.threads._loop_thread import LoopThread

mood: ContextVar[str] = ContextVar("mood", default="calm")


class Lamp:
    """Something asynchronous with a little of everything."""

    kind = "lamp"

    def __init__(self) -> None:
        self.colour = "white"
        self.shade: str | None = None
        self.seen: list[str] = []
        self.promised: asyncio.Future[str] | None = None
        self.ticks: asyncio.Queue[int] = asyncio.Queue()

    @property
    def thread(self) -> str:
        return threading.current_thread().name

    @staticmethod
    def of_nobody() -> str:
        return threading.current_thread().name

    def switch(self, other: Lamp | None = None) -> Lamp:
        return other or self

    def pair(self) -> tuple[Lamp, int]:
        return self, 7

    async def shine(self, seconds: float = 0.0) -> str:
        await asyncio.sleep(seconds)
        return f"{self.colour} {mood.get()}"

    def promise(self) -> asyncio.Future[str]:
        self.promised = asyncio.get_running_loop().create_future()
        return self.promised

    def keep(self, word: str) -> None:
        assert self.promised is not None
        self.promised.set_result(word)

    def perform(self, function: Callable[[], object]) -> None:
        function()

    def fall_over(self, status: int) -> None:
        asyncio.get_running_loop().call_soon(sys.exit, status)

    async def last(self, timeout: float) -> float:  # noqa: ASYNC109  # that is the point
        return timeout

    async def break_down(self, error: BaseException) -> None:
        raise error

    async def tick(self, number: int) -> None:
        self.ticks.put_nowait(number)

    async def watch(self) -> AsyncGenerator[int]:
        while number := await self.ticks.get():
            yield number

    def bulb(self) -> Bulb:
        return Bulb()

    def plain(self) -> Plain:
        return Plain()

    @asynccontextmanager
    async def lit(self, name: str) -> AsyncGenerator[Lamp]:
        token = mood.set(name)
        self.seen.append(f"+{name}")
        try:
            yield self
        except LookupError:
            self.seen.append("dealt with")
        finally:
            self.seen.append(f"-{name}")
            mood.reset(token)

    def __aiter__(self) -> AsyncIterator[int]:
        return self.watch()


class Plain:
    """A block that does nothing."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *error: object) -> None:
        pass


class Bulb:
    """Something that can only be awaited."""

    def __await__(self) -> Generator[None, None, str]:
        yield
        return "warm"


class BlockingLamp(Protocol):
    """What the tests see of it."""

    kind: str
    colour: str
    shade: str | None
    seen: list[str]

    @property
    def thread(self) -> str: ...
    def of_nobody(self) -> str: ...
    def switch(self, other: BlockingLamp | None = None) -> BlockingLamp: ...
    def pair(self) -> tuple[BlockingLamp, int]: ...
    def shine(self, seconds: float = 0.0, *, timeout: float | None = None) -> str: ...
    def promise(self) -> Waitable[str]: ...
    def keep(self, word: str) -> None: ...
    def perform(self, function: Callable[[], object]) -> None: ...
    def fall_over(self, status: int) -> None: ...
    def last(self, timeout: float) -> float: ...
    def break_down(self, error: BaseException) -> None: ...
    def tick(self, number: int) -> None: ...
    def watch(self) -> Ticks: ...
    def bulb(self) -> Waitable[str]: ...
    def plain(self) -> Lit: ...
    def lit(self, name: str) -> Lit: ...
    def __iter__(self) -> Iterator[int]: ...


class Ticks(Protocol):
    def __iter__(self) -> Self: ...
    def __next__(self) -> int: ...
    def next(self, timeout: float | None = None) -> int: ...
    def aclose(self) -> Waitable[None]: ...


class Lit(Protocol):
    def __enter__(self) -> BlockingLamp: ...
    def __exit__(self, *error: object) -> bool: ...


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    with LoopThread("lamps") as running:
        yield running


@pytest.fixture
def bare() -> Lamp:
    return Lamp()


@pytest.fixture
def lamp(bare: Lamp, thread: LoopThread) -> BlockingLamp:
    return cast("BlockingLamp", cast("object", Blocking(bare, thread)))


def test_everything_runs_on_the_thread_of_the_loop(lamp: BlockingLamp) -> None:
    assert (lamp.thread, lamp.of_nobody()) == ("lamps", "lamps")


def test_attributes_are_read_and_set(lamp: BlockingLamp, bare: Lamp) -> None:
    lamp.colour = "red"

    assert (lamp.colour, bare.colour, lamp.kind) == ("red", "red", "lamp")
    assert lamp.seen is bare.seen
    assert lamp.shade is None


def test_what_is_private_stays_on_the_loop(lamp: BlockingLamp) -> None:
    with pytest.raises(AttributeError, match="not for other threads"):
        _ = lamp._secret  # type: ignore[attr-defined]  # that is the point
    with pytest.raises(AttributeError, match="not for other threads"):
        lamp._secret = 1  # type: ignore[attr-defined]  # that is the point
    with pytest.raises(AttributeError, match="no 'nonsense'"):
        _ = lamp.nonsense  # type: ignore[attr-defined]  # that is the point


def test_a_coroutine_method_gives_its_result(lamp: BlockingLamp) -> None:
    assert lamp.shine(timeout=30) == "white calm"


def test_context_variables_of_the_caller_are_seen(lamp: BlockingLamp) -> None:
    token = mood.set("wild")
    try:
        assert lamp.shine() == "white wild"
    finally:
        mood.reset(token)


def test_a_parameter_called_timeout_is_left_to_the_method(lamp: BlockingLamp) -> None:
    assert lamp.last(timeout=0.0) == 0.0


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), TimeoutError("own")]
)
def test_what_a_method_raises_is_raised_in_the_thread_and_harms_nobody(
    lamp: BlockingLamp, error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught:
        lamp.break_down(error)

    assert caught.value is error
    assert lamp.shine() == "white calm"


def test_a_method_that_was_cancelled_on_the_loop_says_so(lamp: BlockingLamp) -> None:
    with pytest.raises(CallCancelledError, match=r"lamp\.break_down\(\)"):
        lamp.break_down(asyncio.CancelledError())


def test_asynchronous_objects_come_back_bridged_and_go_in_bare(
    lamp: BlockingLamp, bare: Lamp
) -> None:
    itself: object = bare
    same = lamp.switch(lamp)
    first, number = lamp.pair()

    assert repr(same).startswith("<blocking ")
    assert (same, first, number) == (lamp, lamp, 7)
    assert itself == same
    assert len({same, lamp}) == 1
    assert same.shine() == "white calm"


def test_an_awaitable_is_waited_for(lamp: BlockingLamp) -> None:
    assert lamp.bulb().wait() == "warm"
    assert lamp.bulb().wait(timeout=30) == "warm"


def test_a_wait_for_a_future_that_ran_out_leaves_the_future_alone(
    lamp: BlockingLamp,
) -> None:
    future = lamp.promise()

    with pytest.raises(CallTimeoutError):
        future.wait(timeout=0.01)
    lamp.keep("kept")

    assert future.wait(timeout=30) == "kept"


def test_an_asynchronous_iterator_is_an_iterator(lamp: BlockingLamp) -> None:
    for number in (1, 2, 0):
        lamp.tick(number)

    assert list(lamp.watch()) == [1, 2]


def test_an_asynchronous_iterable_is_iterable(lamp: BlockingLamp) -> None:
    for number in (1, 2, 0):
        lamp.tick(number)

    assert list(lamp) == [1, 2]


def test_a_wait_for_the_next_value_that_ran_out_loses_nothing(
    lamp: BlockingLamp,
) -> None:
    ticks = lamp.watch()

    with pytest.raises(CallTimeoutError):
        ticks.next(timeout=0.01)
    lamp.tick(1)
    lamp.tick(2)

    assert (ticks.next(timeout=30), next(ticks)) == (1, 2)


def test_an_iterator_gives_no_value_to_two_threads(lamp: BlockingLamp) -> None:
    ticks = lamp.watch()

    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(ticks.next, 0.2) for _ in range(2)]
        lamp.tick(1)
    found = [wait.exception() or wait.result() for wait in waits]

    assert found.count(1) <= 1


def test_an_iterator_can_be_closed_before_its_end(lamp: BlockingLamp) -> None:
    lamp.tick(1)
    ticks = lamp.watch()
    first = next(ticks)

    ticks.aclose().wait()

    assert (first, list(ticks)) == (1, [])


def test_a_block_is_entered_and_left_on_the_loop(lamp: BlockingLamp) -> None:
    with lamp.lit("warm") as inside:
        seen = inside.shine(), mood.get()
    after = lamp.shine(), mood.get()

    assert seen == ("white warm", "warm")
    assert after == ("white calm", "calm")
    assert lamp.seen == ["+warm", "-warm"]


def test_blocks_lie_inside_one_another(lamp: BlockingLamp) -> None:
    with lamp.lit("warm"), lamp.lit("hot"):
        inside = lamp.shine()

    assert inside == "white hot"
    assert lamp.seen == ["+warm", "+hot", "-hot", "-warm"]
    assert lamp.shine() == "white calm"


def test_an_error_reaches_the_block_on_the_loop_and_comes_back(
    lamp: BlockingLamp,
) -> None:
    error = ValueError("no")

    def fail() -> None:
        with lamp.lit("warm"):
            raise error

    with pytest.raises(ValueError, match="no") as caught:
        fail()

    assert caught.value is error
    assert lamp.seen == ["+warm", "-warm"]


def test_the_traceback_of_an_error_of_the_block_leads_to_the_block_only(
    lamp: BlockingLamp,
) -> None:
    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError) as caught, lamp.lit("warm"):
        fail()

    frames = traceback.extract_tb(caught.value.__traceback__)
    assert {frame.filename for frame in frames} == {__file__}
    assert frames[-1].name == "fail"


def test_what_no_coroutine_can_raise_comes_out_of_a_block_too(
    lamp: BlockingLamp,
) -> None:
    nothing: Iterator[int] = iter(())

    with pytest.raises(StopIteration), lamp.plain():
        next(nothing)


def test_a_block_on_the_loop_can_deal_with_an_error(lamp: BlockingLamp) -> None:
    with lamp.lit("warm"):
        raise LookupError

    assert lamp.seen == ["+warm", "dealt with", "-warm"]


def test_a_call_whose_block_fails_while_it_is_on_its_way_is_not_made(
    lamp: BlockingLamp, bare: Lamp
) -> None:
    class Failing:
        def admit(self, call: LoopCall) -> None:
            call.cancel(CallCancelledError("the block"))

        def forget(self, call: LoopCall) -> None:
            pass

    token = surroundings.set(Failing())
    try:
        with pytest.raises(CallCancelledError, match="the block"):
            lamp.tick(1)
    finally:
        surroundings.reset(token)

    assert bare.ticks.empty()


def test_what_is_no_block_and_no_iterator_says_so(lamp: BlockingLamp) -> None:
    bulb = cast("Lit", lamp.bulb())

    with pytest.raises(TypeError, match="bulb has no `async with`"), bulb:
        pass
    with pytest.raises(TypeError):
        iter(cast("Ticks", bulb))


def test_a_bridged_object_tells_what_it_is(lamp: BlockingLamp) -> None:
    assert repr(lamp).startswith("<blocking <")
    assert "shine" in dir(lamp)
    assert lamp.shine.__name__ == "shine"


def test_a_bridged_object_is_not_copied(lamp: BlockingLamp) -> None:
    with pytest.raises(TypeError, match="tied to a thread"):
        copy.copy(lamp)


def test_on_the_thread_of_the_loop_every_call_is_refused_with_the_awaitable_form(
    lamp: BlockingLamp, thread: LoopThread
) -> None:
    async def call_from_the_loop() -> str:
        return lamp.shine()

    class Caller:
        def call(self) -> Awaitable[str]:
            return call_from_the_loop()

    caller = Blocking(Caller(), thread)

    with pytest.raises(BlockingCallError, match=r"await lamp\.shine\(\.\.\.\)"):
        cast("BlockingCaller", cast("object", caller)).call()


def test_a_wait_that_goes_on_is_refused_on_the_thread_of_the_loop_as_well(
    lamp: BlockingLamp,
) -> None:
    ticks = lamp.watch()
    with pytest.raises(CallTimeoutError):
        ticks.next(timeout=0.01)

    with pytest.raises(BlockingCallError, match=r"next\(\)"):
        lamp.perform(lambda: next(ticks))


def test_a_block_that_is_left_on_the_thread_of_the_loop_ends_without_waiting(
    lamp: BlockingLamp,
) -> None:
    """As when the collector, which runs anywhere, closes a forgotten generator."""

    def forget() -> Iterator[None]:
        with lamp.lit("warm"):
            yield

    forgotten = cast("Generator[None]", forget())
    elsewhere = copy_context()  # its variables stay as they were in the block
    elsewhere.run(next, forgotten)

    lamp.perform(forgotten.close)

    assert elsewhere.run(lamp.shine) == "white warm"
    assert lamp.seen == ["+warm", "-warm"]


def test_a_signal_handler_may_call_at_any_moment_of_a_call(
    lamp: BlockingLamp,
) -> None:
    """The hook stands for the handler: it interrupts at each step."""
    answers: list[str] = []

    def interrupt(*_: object) -> None:
        answers.append(lamp.shine(timeout=30))

    sys.setprofile(interrupt)
    try:
        lamp.shine()
    finally:
        sys.setprofile(None)

    assert len(answers) > 20
    assert set(answers) == {"white calm"}


class BlockingCaller(Protocol):
    def call(self) -> str: ...


def test_after_the_end_calls_say_that_it_has_stopped(bare: Lamp) -> None:
    with LoopThread("lamps") as thread:
        lamp = cast("BlockingLamp", cast("object", Blocking(bare, thread)))

    with pytest.raises(RuntimeStoppedError):
        lamp.shine()


def test_the_end_fails_whoever_still_waits(bare: Lamp) -> None:
    errors: list[BaseException] = []
    entered = threading.Event()

    def wait(lamp: BlockingLamp) -> None:
        def fail() -> None:
            with lamp.lit("warm"):
                entered.set()
                next(lamp.watch())

        with pytest.raises(RuntimeStoppedError) as caught:
            fail()
        errors.append(caught.value)

    with LoopThread("lamps") as thread:
        lamp = cast("BlockingLamp", cast("object", Blocking(bare, thread)))
        waiter = threading.Thread(target=wait, args=(lamp,))
        waiter.start()
        entered.wait(30)
    waiter.join(30)

    assert len(errors) == 1
    assert bare.seen == ["+warm", "-warm"]


def test_what_ends_the_loop_comes_out_of_the_block(bare: Lamp) -> None:
    errors: list[BaseException] = []

    def end_it() -> None:
        with LoopThread("lamps") as thread:
            lamp = cast("BlockingLamp", cast("object", Blocking(bare, thread)))
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(next, lamp.watch())
                lamp.fall_over(3)
                errors.append(waiting.exception() or AssertionError())
            with pytest.raises(RuntimeStoppedError):
                lamp.shine()

    with pytest.raises(SystemExit) as caught:
        end_it()

    assert caught.value.code == 3
    assert [type(error) for error in errors] == [RuntimeStoppedError]


def test_a_call_that_comes_while_the_loop_ends_is_told_so(bare: Lamp) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def occupy() -> None:
        busy.set()
        go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        with LoopThread("lamps") as thread:
            lamp = cast("BlockingLamp", cast("object", Blocking(bare, thread)))
            held = pool.submit(lamp.perform, occupy)
            busy.wait(30)
            thread.post(thread._close)  # the end, with more behind it
            late = pool.submit(lamp.shine, 3600)
            while len(thread._work) < 2:  # it is on its way
                pass
            go_on.set()
        held.result()

    assert isinstance(late.exception(), RuntimeStoppedError)


def test_a_loop_that_is_ended_on_its_own_thread_does_not_wait_for_itself(
    lamp: BlockingLamp, thread: LoopThread
) -> None:
    lamp.perform(lambda: thread.__exit__(None, None, None))
    thread.__exit__(None, None, None)

    with pytest.raises(RuntimeStoppedError):
        lamp.shine()


def test_a_loop_that_something_blocks_is_left_behind_with_a_word(
    bare: Lamp, caplog: pytest.LogCaptureFixture
) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def occupy() -> None:
        busy.set()
        go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        with LoopThread("lamps", last_words=0.01) as thread:
            lamp = cast("BlockingLamp", cast("object", Blocking(bare, thread)))
            held = pool.submit(lamp.perform, occupy)
            busy.wait(30)
        said = caplog.messages
        go_on.set()
        held.result()
        thread.__exit__(None, None, None)

    assert len(said) == 1
    assert "lamps did not end within 0.01 s" in said[0]
