"""A loop that is closed under a live system: typed errors, and nobody hangs."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ClassVar

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    AsyncFuture,
    Bounded,
    SystemClosed,
    Terminated,
)
from duologue.errors import MessageCancelledError, SystemClosedError
from tests.actors.conftest import Echo


class Hanging(AsyncActor):
    """Never answers, and says how its coroutine ended."""

    def __init__(
        self, log: list[str] | None = None, begun: asyncio.Event | None = None
    ) -> None:
        super().__init__()
        self.log: list[str] = [] if log is None else log
        self.begun = begun or asyncio.Event()

    async def on_receive(self, message: object) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            self.log.append(type(error).__name__)
            raise
        finally:
            self.log.append(f"left {message}")


class Opened:
    """A system on a loop that a test runs step by step and closes as it likes."""

    def __init__(
        self, hosts: int = 1, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.loop = loop or asyncio.new_event_loop()
        self.system = ActorSystem(hosts=hosts)
        self.run(self.system.__aenter__())

    def run(self, work: Coroutine[object, object, object]) -> None:
        self.loop.run_until_complete(work)

    def turn(self) -> None:
        """Let the loop go round a few times."""
        for _ in range(5):
            self.run(asyncio.sleep(0))


@pytest.fixture
def opened() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    opened.loop.close()


@contextmanager
def _thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def _asked(
    threads: ThreadPoolExecutor, ask: Callable[[], object], ref: object
) -> Future[object]:
    """Ask in a thread, and return when the message is in the mailbox."""
    asked = threads.submit(ask)
    mailbox = getattr(ref, "actor_inbox", None)
    while mailbox is not None and mailbox.empty() and not asked.done():
        threading.Event().wait(0.001)
    return asked


@pytest.mark.parametrize("actor_class", [Echo, Hanging])
def test_every_send_after_it_is_an_error(
    opened: Opened, actor_class: type[AsyncActor]
) -> None:
    ref = opened.system.start(actor_class)
    ref.tell("before")
    opened.turn()
    ref.tell("a turn is due that never comes")

    opened.loop.close()

    with pytest.raises(SystemClosedError, match=actor_class.__name__):
        ref.tell("hello")
    with pytest.raises(SystemClosedError):
        ref.ask("hello", timeout=10)
    with pytest.raises(SystemClosedError):
        ref.ask("hello", block=False).get(timeout=10)
    with pytest.raises(SystemClosedError):
        asyncio.run(_send(ref))


async def _send(ref: AsyncActorRef[AsyncActor]) -> None:
    await ref.send("hello")


def test_its_actors_are_dead_and_say_why(opened: Opened) -> None:
    ref = opened.system.start(Echo)

    opened.loop.close()

    assert not ref.is_alive()
    assert ref.stop_reason == SystemClosed()
    assert ref.stop(timeout=10) is False
    assert ref not in pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.stop_all(timeout=10)  # raises if it waits for one of them


def test_a_thread_that_waits_for_an_answer_gets_an_error(opened: Opened) -> None:
    ref = opened.system.start(Echo)
    with _thread() as threads:
        asked = _asked(threads, lambda: ref.ask("hello"), ref)

        opened.loop.close()

        with pytest.raises(SystemClosedError):
            asked.result(timeout=20)


def test_a_thread_whose_question_is_being_handled_gets_an_error(
    opened: Opened,
) -> None:
    log: list[str] = []
    begun = asyncio.Event()
    ref = opened.system.start(Hanging, log, begun)
    with _thread() as threads:
        asked = threads.submit(ref.ask, "hello")
        opened.run(begun.wait())

        opened.loop.close()

        with pytest.raises(SystemClosedError):
            asked.result(timeout=20)
    assert log == ["SystemClosedError", "left hello"]


def test_a_question_that_was_about_to_be_handled_gets_an_error(opened: Opened) -> None:
    ref = opened.system.start(Hanging)
    answer: AsyncFuture[object] = ref.ask("hello", block=False)
    opened.loop.call_soon(opened.loop.stop)
    opened.loop.run_forever()  # the coroutine is made, but has not begun before 3.12

    opened.loop.close()

    with pytest.raises(SystemClosedError):
        answer.get(timeout=20)


def test_a_task_of_another_loop_that_waits_gets_an_error(opened: Opened) -> None:
    ref = opened.system.start(Hanging)

    async def ask() -> object:
        answer: AsyncFuture[object] = ref.ask("hello", block=False)
        asking.set()
        return await answer

    asking = threading.Event()
    with _thread() as threads:
        asked = threads.submit(asyncio.run, ask())
        asking.wait()
        opened.turn()

        opened.loop.close()

        with pytest.raises(SystemClosedError):
            asked.result(timeout=20)


def test_a_thread_that_waits_for_the_end_of_an_actor_sees_it(opened: Opened) -> None:
    ref = opened.system.start(Hanging)
    ref.tell("hello")
    opened.turn()
    with _thread() as threads:
        stopped = _asked(threads, ref.stop, ref)

        opened.loop.close()

        assert stopped.result(timeout=20) is True


def test_a_thread_that_waits_for_room_gets_an_error(opened: Opened) -> None:
    class Full(Echo):
        mailbox: ClassVar[Bounded | None] = Bounded(1)

    ref = opened.system.start(Full)
    ref.tell("takes the room")
    with _thread() as threads:
        told = threads.submit(ref.tell, "waits")

        opened.loop.close()

        with pytest.raises((SystemClosedError, pykka.ActorDeadError)):
            told.result(timeout=20)


def test_keyed_actors_end_with_it(opened: Opened) -> None:
    class Keyed(Echo):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    opened.system.directory.register(Keyed, Keyed)
    alive = opened.system.directory.ref(Keyed, "alive")
    new = opened.system.directory.ref(Keyed, "new")
    alive.tell("hello")
    opened.turn()
    behind = alive.ask("behind", block=False)
    waking = new.ask("first", block=False)
    going = alive.passivate()

    opened.loop.close()

    for answer in (behind, waking):
        with pytest.raises(SystemClosedError):
            answer.get(timeout=10)
    assert going.get(timeout=10) is True
    with pytest.raises(SystemClosedError):
        alive.tell("hello")
    with pytest.raises(SystemClosedError):
        new.ask("hello", timeout=10)
    assert len(opened.system.directory) == 0


def test_actors_that_watch_one_another_end_with_it(opened: Opened) -> None:
    class Watching(Echo):
        def __init__(self, other: AsyncActorRef[Echo]) -> None:
            super().__init__()
            self.other = other

        def on_start(self) -> None:
            self.watch(self.other)
            self.send_every(10, "tick")

    first = opened.system.start(Echo)
    watching = opened.system.start(Watching, first)
    opened.turn()

    opened.loop.close()

    assert watching.stop_reason == SystemClosed()
    assert first.stop_reason == SystemClosed()


def test_who_watches_from_another_system_is_told(opened: Opened) -> None:
    class Watching(AsyncActor):
        def on_receive(self, message: object) -> None:
            if isinstance(message, Terminated):
                log.append(message.reason)
            else:
                self.watch(ref)

    log: list[object] = []
    ref = opened.system.start(Echo)

    async def main() -> None:
        async with ActorSystem() as system:
            await system.start(Watching).ask("watch", block=False)
            opened.loop.close()
            await system.settled()

    with _thread() as threads:
        threads.submit(asyncio.run, main()).result(timeout=20)

    assert log == [SystemClosed()]


def test_a_later_start_finds_another_place(opened: Opened) -> None:
    opened.loop.close()

    ref = Echo.start()

    assert ref.ask("hello", timeout=20) == "hello"
    assert ref.stop(timeout=20)


def test_a_later_system_is_the_only_one(opened: Opened) -> None:
    async def main() -> object:
        async with ActorSystem():
            return await Echo.start().ask("hello", block=False)

    opened.loop.close()

    assert asyncio.run(main()) == "hello"


def test_the_system_refuses_what_comes_later(opened: Opened) -> None:
    opened.loop.close()

    with pytest.raises(SystemClosedError, match="Echo"):
        opened.system.start(Echo)
    with pytest.raises(SystemClosedError, match="settled"):
        asyncio.run(opened.system.settled())
    with pytest.raises(SystemClosedError, match="own_loop"):
        opened.system.own_loop()


def test_its_block_can_still_be_left_and_entered_again(opened: Opened) -> None:
    opened.loop.close()

    async def main() -> object:
        await opened.system.__aexit__(None, None, None)
        async with opened.system as system:
            return await system.start(Echo).ask("again", block=False)

    assert asyncio.run(main()) == "again"


@pytest.mark.parametrize("is_left", [False, True])
def test_a_block_that_is_thrown_away_ends_in_silence(
    is_left: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            system.start(Hanging).tell("hello")
            await asyncio.sleep(0)
            if not is_left:
                await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    work = main()

    async def step() -> None:
        for _ in range(2):
            waiting.append(work.send(None))
            await asyncio.sleep(0)

    waiting: list[object] = []
    loop.run_until_complete(step())
    loop.close()

    work.close()  # raises if the block awaits something at its end

    assert waiting
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


def test_the_thread_may_block_again(opened: Opened) -> None:
    ref = Echo
    opened.loop.close()

    answer = ref.start().ask("hello", timeout=20)

    assert answer == "hello"
    pykka.ActorRegistry.stop_all(timeout=20)


def test_a_loop_that_is_closed_by_another_thread_frees_its_own(
    opened: Opened,
) -> None:
    with _thread() as threads:
        threads.submit(opened.loop.close).result(timeout=20)

    ref = Echo.start()
    assert ref.ask("hello", timeout=20) == "hello"
    ref.stop()


def test_the_other_hosts_of_the_system_end_too() -> None:
    opened = Opened(hosts=3)
    refs = [opened.system.start(Hanging) for _ in range(6)]
    answers = [ref.ask("hello", block=False) for ref in refs]
    opened.turn()

    opened.loop.close()

    for answer in answers:
        with pytest.raises((SystemClosedError, MessageCancelledError)):
            answer.get(timeout=20)
    for thread in threading.enumerate():
        if thread.name.startswith("duologue-host-"):
            thread.join(20)
            assert not thread.is_alive()
    assert not any(ref.is_alive() for ref in refs)


def test_a_program_that_forgets_to_leave_the_block_ends() -> None:
    log: list[str] = []

    async def main() -> AsyncActorRef[Hanging]:
        system = await ActorSystem().__aenter__()
        ref = system.start(Hanging, log)
        ref.tell("hello")
        await asyncio.sleep(0.001)
        return ref

    ref = asyncio.run(main())

    assert log == ["CancelledError", "left hello"]
    with pytest.raises(SystemClosedError):
        ref.tell("hello")


def test_a_coroutine_that_will_not_end_is_left() -> None:
    class Stubborn(AsyncActor):
        async def on_receive(self, message: object) -> None:
            del message
            while True:
                try:
                    await asyncio.Event().wait()
                except SystemClosedError:
                    log.append("not yet")

    log: list[str] = []
    opened = Opened()
    stubborn, echo = opened.system.start(Stubborn), opened.system.start(Echo)
    answer = stubborn.ask("hello", block=False)
    opened.turn()

    opened.loop.close()

    assert log == ["not yet"]
    assert not stubborn.is_alive()
    assert not echo.is_alive()
    assert not answer.is_ready() or isinstance(_error(answer), Exception)


def _error(answer: AsyncFuture[object]) -> BaseException | None:
    try:
        answer.get(timeout=0)
    except Exception as error:  # noqa: BLE001 - it is returned
        return error
    return None


def test_a_loop_that_cannot_be_watched_is_noticed_by_the_next_send() -> None:
    class Unwatched(asyncio.SelectorEventLoop):
        """Lets nobody replace its close()."""

        def __setattr__(self, name: str, value: object) -> None:
            if name == "close":
                raise AttributeError(name)
            super().__setattr__(name, value)

    opened = Opened(loop=Unwatched())
    idle, asked = opened.system.start(Echo), opened.system.start(Echo)
    opened.loop.close()

    with pytest.raises(SystemClosedError, match="Echo"):
        idle.tell("hello")
    with pytest.raises(SystemClosedError):
        asked.ask("hello", timeout=20)
    with pytest.raises(SystemClosedError):
        opened.system.start(Echo)


def test_a_loop_whose_system_has_been_left_is_an_ordinary_loop_again() -> None:
    opened = Opened()
    before = vars(opened.loop).keys() & {"close"}

    opened.run(opened.system.__aexit__(None, None, None))
    after = vars(opened.loop).keys() & {"close"}
    opened.loop.close()

    assert before == {"close"}
    assert not after


def test_two_systems_on_a_loop_both_notice() -> None:
    opened = Opened()
    other = ActorSystem()
    opened.run(other.__aenter__())
    refs = [opened.system.start(Echo), other.start(Echo)]

    opened.loop.close()

    assert [ref.stop_reason for ref in refs] == [SystemClosed()] * 2
