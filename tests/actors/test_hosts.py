"""A system with several hosts: who lives where, in what order they end, how it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import pykka
import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    AsyncFuture,
    Counts,
    Workers,
)
from duologue.actors.testing import settled
from duologue.errors import (
    AmbiguousSystemError,
    HostCountError,
    HostEndedError,
    SystemClosedError,
)

pytestmark = pytest.mark.real_time


class Where(AsyncActor):
    """Says on which thread it runs."""

    def on_receive(self, message: object) -> int:
        del message
        return threading.get_ident()

    async def later(self) -> int:
        await asyncio.sleep(0)
        return threading.get_ident()


class Parent(AsyncActor):
    def on_receive(self, message: object) -> pykka.ActorRef[Where]:
        del message
        return Where.start()


class Keyed(AsyncActor):
    def __init__(self, key: str, log: list[tuple[str, int, object]]) -> None:
        super().__init__()
        self.key = key
        self.log = log

    def on_receive(self, message: object) -> int:
        self.log.append((self.key, threading.get_ident(), message))
        return threading.get_ident()


def _host_threads() -> list[str]:
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("duologue-host-")
    ]


async def _where(ref: pykka.ActorRef[Where]) -> int:
    answer: int = await ref.ask("where?", block=False)
    return answer


async def test_actors_are_spread_over_the_hosts_and_stay_there() -> None:
    async with ActorSystem(hosts=3) as system:
        refs = [system.start(Where) for _ in range(6)]

        first = [await _where(ref) for ref in refs]
        again = [await _where(ref) for ref in refs]

    assert first == again
    assert sorted(Counter(first).values()) == [2, 2, 2]
    assert first[0] == threading.get_ident()


async def test_a_bare_start_spreads_over_the_hosts_of_the_only_system() -> None:
    async with ActorSystem(hosts=2):
        places = {await _where(Where.start()) for _ in range(4)}

    assert len(places) == 2


async def test_a_system_with_many_hosts_counts_as_one() -> None:
    async with ActorSystem(hosts=3), ActorSystem():
        with pytest.raises(AmbiguousSystemError, match="2 open actor systems"):
            Where.start()


async def test_an_actor_started_by_an_actor_lives_beside_it() -> None:
    async with ActorSystem(hosts=3) as system:
        parents = [system.start(Parent) for _ in range(3)]

        for parent in parents:
            child = await parent.ask("start", block=False)
            sister = await parent.ask("start", block=False)
            assert await _where(child) == await _where(sister)
        assert len({await _where(await p.ask("", block=False)) for p in parents}) == 3


async def test_actors_can_be_kept_on_the_loop_of_the_system() -> None:
    async with ActorSystem(hosts=3) as system:
        with system.own_loop():
            refs = [system.start(Where) for _ in range(5)]

        assert {await _where(ref) for ref in refs} == {threading.get_ident()}


async def test_workers_stay_on_the_loop_of_their_system() -> None:
    async def body() -> None:
        places.append(threading.get_ident())

    places: list[int] = []
    async with ActorSystem(hosts=3) as system, Workers(system) as workers:
        for _ in range(4):
            worker = await workers.start(body)
            await worker.finished()

    assert places == [threading.get_ident()] * 4


async def test_a_key_has_the_same_host_in_every_life() -> None:
    log: list[tuple[str, int, object]] = []
    async with ActorSystem(hosts=3) as system:
        system.directory.register(Keyed, lambda key: Keyed(key, log))
        refs = [system.directory.ref(Keyed, str(number)) for number in range(31)]

        first = [await ref.ask(1, block=False) for ref in refs]
        for ref in refs:
            assert await ref.passivate()
        second = [await ref.ask(2, block=False) for ref in refs]

    assert first == second
    assert len(set(first)) == 3


async def test_keyed_actors_of_other_hosts_are_counted_on_the_loop() -> None:
    threads: set[int] = set()

    class Noticing(Counts):
        def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
            threads.add(threading.get_ident())
            super().count(name, amount, **labels)

    counts = Noticing()
    async with ActorSystem(hosts=3, observer=counts) as system:
        system.directory.register(Keyed, lambda key: Keyed(key, []))
        for number in range(20):
            system.directory.ref(Keyed, str(number)).tell("hello")
        await system.settled()
        await system.settled()

        assert counts.of("activations") == 20
    assert counts.of("passivations") == 20
    assert threads == {threading.get_ident()}


async def test_idle_keyed_actors_of_other_hosts_are_let_go() -> None:
    async with ActorSystem(hosts=2) as system:
        system.directory.register(Keyed, lambda key: Keyed(key, []), idle_after=0.01)
        for number in range(10):
            system.directory.ref(Keyed, str(number)).tell("hello")

        async with asyncio.timeout(20):
            while len(system.directory):
                await system.settled()


@settings(max_examples=10)
@given(
    hosts=st.integers(2, 4),
    keys=st.integers(1, 5),
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=3),
)
def test_nothing_is_lost_or_doubled_for_a_key_while_it_comes_and_goes(
    hosts: int, keys: int, counts: list[int]
) -> None:
    log: list[tuple[str, int, object]] = []

    async def main() -> None:
        async with ActorSystem(hosts=hosts) as system:
            system.directory.register(Keyed, lambda key: Keyed(key, log))

            def send(sender: int) -> None:
                for number in range(counts[sender]):
                    ref = system.directory.ref(Keyed, str(number % keys))
                    ref.tell((sender, number))
                    if number % 3 == sender:
                        _ = ref.passivate()

            await asyncio.gather(
                *(asyncio.to_thread(send, sender) for sender in range(len(counts)))
            )

    asyncio.run(main())

    for sender, count in enumerate(counts):
        for key in range(keys):
            mine = [m[1] for k, _, m in log if k == str(key) and _sender(m) == sender]  # type: ignore[index] # a pair
            assert mine == [n for n in range(count) if n % keys == key]


def _sender(message: object) -> object:
    return message[0] if isinstance(message, tuple) else None


@settings(max_examples=15)
@given(hosts=st.integers(1, 4), hops=st.integers(0, 200), rings=st.integers(1, 3))
def test_settled_waits_for_messages_between_hosts(
    hosts: int, hops: int, rings: int
) -> None:
    class Passing(AsyncActor):
        def __init__(self, ring: list[AsyncActorRef[AsyncActor]]) -> None:
            super().__init__()
            self.ring = ring
            self.number = len(ring)

        async def on_receive(self, message: int) -> None:
            done.append(message)
            if message % 7 == 0:
                await asyncio.sleep(0)
            if message:
                self.ring[(self.number + 1) % len(self.ring)].tell(message - 1)

    done: list[int] = []

    async def main() -> int:
        async with ActorSystem(hosts=hosts) as system:
            ring: list[AsyncActorRef[AsyncActor]] = []
            for _ in range(hosts * 2):
                ring.append(system.start(Passing, ring))
            for number in range(rings):
                ring[number % len(ring)].tell(hops)
            await settled()
            return len(done)

    assert asyncio.run(main()) == rings * (hops + 1)


@pytest.mark.parametrize("slow", [0, 1])
async def test_settled_waits_for_every_system_on_the_loop(slow: int) -> None:
    class Slow(AsyncActor):
        async def on_receive(self, message: object) -> None:
            if message == slow:
                await asyncio.sleep(0.05)
            log.append(message)

    log: list[object] = []
    async with ActorSystem() as one, ActorSystem(hosts=2) as two:
        for number, system in enumerate((one, two)):
            for _ in range(2):
                system.start(Slow).tell(number)

        await settled()

        assert sorted(map(str, log)) == ["0", "0", "1", "1"]


async def test_without_a_system_nothing_can_settle() -> None:
    with pytest.raises(SystemClosedError, match="settled"):
        await settled()


async def test_leaving_stops_the_last_started_first_on_whatever_host() -> None:
    class Last(AsyncActor):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(0)
            log.append(self.number)

    log: list[int] = []
    async with ActorSystem(hosts=3) as system:
        for number in range(20):
            system.start(Last, number)

    assert log == list(reversed(range(20)))


async def test_leaving_handles_what_waits_on_every_host() -> None:
    class Recorder(AsyncActor):
        async def on_receive(self, message: object) -> None:
            await asyncio.sleep(0)
            log.append(message)

    log: list[object] = []
    async with ActorSystem(hosts=3) as system:
        refs = [system.start(Recorder) for _ in range(9)]
        for number in range(50):
            for ref in refs:
                ref.tell(number)

    assert Counter(log) == dict.fromkeys(range(50), 9)
    assert not pykka.ActorRegistry.get_by_class(Recorder)


async def test_no_thread_is_left_after_the_block() -> None:
    async with ActorSystem(hosts=4) as system:
        for _ in range(8):
            system.start(Where).tell("hello")
        during = len(_host_threads())

    assert during == 3
    assert not _host_threads()


async def test_leaving_cuts_off_what_hangs_on_another_host_and_names_it() -> None:
    class Hanging(AsyncActor):
        async def on_receive(self, message: object) -> None:
            del message
            await asyncio.Event().wait()

    async with ActorSystem(hosts=2, drain=0.05) as system:
        system.start(Where)
        hanging = system.start(Hanging)
        for _ in range(3):
            hanging.tell("wait")
        name = str(hanging)

    [left] = [each for each in system.unfinished if each.was_running]
    assert "Hanging" in name
    assert "Hanging" in left.actor
    assert left.waiting >= 2
    assert not hanging.is_alive()
    assert not _host_threads()


async def test_a_thread_that_blocks_is_left_behind_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Blocking(AsyncActor):
        def on_receive(self, message: object) -> str:
            del message
            entered.set()
            end.wait()
            return "at last"

    entered, end = threading.Event(), threading.Event()
    started = time.monotonic()
    async with ActorSystem(hosts=2, drain=0.05) as system:
        system.start(Where)
        blocking = system.start(Blocking)
        answer = blocking.ask("block", block=False)
        behind = blocking.ask("block", block=False)
        await asyncio.to_thread(entered.wait)

    assert time.monotonic() - started < 30
    assert sorted((each.waiting, each.was_running) for each in system.unfinished) == [
        (0, False),
        (2, True),
    ]
    assert "is blocked and left behind" in caplog.text
    assert not blocking.is_alive()
    with pytest.raises(SystemClosedError):
        await behind
    end.set()
    assert await answer == "at last"
    for thread in threading.enumerate():
        if thread.name.startswith("duologue-host-"):
            await asyncio.to_thread(thread.join)


class Exiting(AsyncActor):
    """Ends the loop that it lives on."""

    def on_receive(self, message: object) -> None:
        del message
        _exit_soon()


def _exit_soon() -> None:
    asyncio.get_running_loop().call_soon(_exit)


def _exit() -> None:
    raise SystemExit(3)


async def _end_the_other(system: ActorSystem) -> None:
    """End the second host of a system in the middle of its block."""
    neighbour, there = system.start(Where), system.start(Exiting)
    if await _where(neighbour) != threading.get_ident():
        there = system.start(Exiting)
    there.tell("now")
    assert await asyncio.to_thread(there.actor_stopped.wait, 20)


async def test_what_ends_a_thread_is_logged_and_raised_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with ActorSystem(hosts=2) as system:
            await _end_the_other(system)
            places.update([await _where(system.start(Where)) for _ in range(4)])

    places: set[int] = set()

    with pytest.raises(HostEndedError, match="SystemExit"):
        await main()

    assert places == {threading.get_ident()}
    assert "have ended early" in caplog.text
    assert not _host_threads()


async def test_keys_of_a_lost_host_move_to_one_that_lives() -> None:
    async def main() -> None:
        async with ActorSystem(hosts=2) as system:
            system.directory.register(Keyed, lambda key: Keyed(key, []))
            refs = [system.directory.ref(Keyed, str(number)) for number in range(10)]
            before.update([await ref.ask("before", block=False) for ref in refs])
            await _end_the_other(system)
            after.update([await ref.ask("after", block=False) for ref in refs])

    before: set[int] = set()
    after: set[int] = set()

    with pytest.raises(HostEndedError):
        await main()

    assert len(before) == 2
    assert after == {threading.get_ident()}


class Caller(AsyncActor):
    """Does what it is sent, where it lives."""

    def on_receive(self, message: object) -> object:
        return message() if callable(message) else None


async def test_messages_for_actors_that_two_lost_hosts_were_to_make_are_answered() -> (
    None
):
    """The second one was to make those of the first as well."""

    async def main() -> None:
        async with ActorSystem(hosts=3) as system:
            system.directory.register(Keyed, lambda key: Keyed(key, []))
            there = [
                caller
                for caller in [system.start(Caller) for _ in range(3)]
                if await caller.ask(threading.get_ident, block=False)
                != threading.get_ident()
            ]

            def ask_and_exit() -> None:
                for number in range(3_000):  # more than fit into the end of a loop
                    ref = system.directory.ref(Keyed, str(number))
                    answers.append(ref.ask("hello", block=False))
                _exit_soon()

            for caller, act in zip(there, [_exit_soon, ask_and_exit], strict=True):
                caller.tell(act)
                assert await asyncio.to_thread(caller.actor_stopped.wait, 20)
            async with asyncio.timeout(20):
                outcomes.update([await _outcome(answer) for answer in answers])

    answers: list[AsyncFuture[object]] = []
    outcomes: Counter[type] = Counter()

    with pytest.raises(HostEndedError):
        await main()

    assert set(outcomes) == {int, SystemClosedError}
    assert outcomes.total() == 3_000


async def _outcome(answer: AsyncFuture[object]) -> type:
    try:
        return type(await answer)
    except SystemClosedError as error:
        return type(error)


async def test_an_error_of_the_block_comes_before_that_of_a_thread() -> None:
    async def main() -> None:
        async with ActorSystem(hosts=2) as system:
            await _end_the_other(system)
            raise KeyError("the block")

    with pytest.raises(KeyError, match="the block"):
        await main()


async def test_a_thread_asks_actors_of_every_host() -> None:
    async with ActorSystem(hosts=3) as system:
        refs = [system.start(Where) for _ in range(3)]

        places = await asyncio.to_thread(lambda: [ref.ask("where?") for ref in refs])

    assert len(set(places)) == 3


async def test_a_thread_that_cannot_begin_is_an_error_and_leaves_no_other() -> None:
    class Policy(asyncio.DefaultEventLoopPolicy):
        made = 0

        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            self.made += 1
            if self.made == 2:
                raise OSError("too many open files")
            return super().new_event_loop()

    async def main() -> None:
        async with ActorSystem(hosts=4):
            pytest.fail("it has opened")

    before = asyncio.get_event_loop_policy()  # type: ignore[deprecated] # how else would a loop fail
    asyncio.set_event_loop_policy(Policy())  # type: ignore[deprecated] # same
    try:
        with pytest.raises(HostEndedError, match="too many open files"):
            await main()
    finally:
        asyncio.set_event_loop_policy(before)  # type: ignore[deprecated] # same

    for thread in threading.enumerate():
        if thread.name.startswith("duologue-host-"):
            await asyncio.to_thread(thread.join, 20)
    assert not _host_threads()
    still = Where.start()
    assert await asyncio.to_thread(still.ask, "still", timeout=20)
    await still.stop(block=False)


@pytest.mark.parametrize("count", [0, -1])
def test_a_system_has_one_host_at_least(count: int) -> None:
    with pytest.raises(HostCountError, match="hosts=1"):
        ActorSystem(hosts=count)
