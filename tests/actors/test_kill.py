"""A killed actor ends now: in the middle of a message, and with all that waits."""

from __future__ import annotations

import asyncio
import logging
import threading

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    Backoff,
    Escalate,
    Failed,
    Killed,
    Restart,
    Stopped,
    Strategy,
)
from duologue.actors.testing import settled
from duologue.errors import BlockingCallError


class Mortal(AsyncActor):
    """Sleeps for the seconds it gets; its hooks leave traces."""

    def __init__(self, log: list[object]) -> None:
        super().__init__()
        self.log = log

    def on_stop(self) -> None:
        self.log.append("on_stop")

    def on_failure(self, *_: object) -> None:
        self.log.append("on_failure")

    async def on_receive(self, message: object) -> object:
        self.log.append(message)
        try:
            if isinstance(message, int):
                await asyncio.sleep(message)
        except asyncio.CancelledError:
            self.log.append("cancelled")
            raise
        if message == "fail":
            raise LookupError(message)
        return message


@pytest.fixture(autouse=True)
def _silence(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_the_coroutine_of_a_killed_actor_is_cancelled_and_its_asker_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Mortal, log)
        answer = ref.ask(1_000, block=False)
        ref.tell("behind")
        behind = ref.ask("behind", block=False)
        await asyncio.sleep(1)

        assert await ref.kill(block=False)

        assert log == [1_000, "cancelled"]
        with pytest.raises(pykka.ActorDeadError, match="killed"):
            await answer
        with pytest.raises(pykka.ActorDeadError):
            await behind
        with pytest.raises(pykka.ActorDeadError):
            ref.tell("too late")
        assert ref.stop_reason == Killed()
        assert pykka.ActorRegistry.get_by_class(Mortal) == []
        assert asyncio.get_running_loop().time() == pytest.approx(1)
    assert "cancelled" not in caplog.text
    assert "Unhandled" not in caplog.text


async def test_an_idle_actor_is_killed_without_a_hook() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Mortal, log)

        assert await ref.kill(block=False)

        assert not ref.is_alive()
    assert log == []


async def test_a_killed_actor_handles_nothing_of_its_backlog() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Mortal, log)
        for number in range(1_000):
            ref.tell(str(number))

        killed = ref.kill(block=False)
        assert not ref.is_alive()
        assert await killed

    assert log == []


async def test_killing_in_the_tick_in_which_a_message_came_leaves_nothing_behind() -> (
    None
):
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Mortal, log)
        answer = ref.ask(1_000, block=False)
        asyncio.get_running_loop().call_soon(lambda: ref.kill(block=False))

        with pytest.raises(pykka.ActorDeadError):
            await answer
        await settled(system)

        assert pykka.ActorRegistry.get_by_class(Mortal) == []


async def test_who_is_killed_twice_dies_once() -> None:
    async with ActorSystem() as system:
        ref = system.start(Mortal, [])
        ref.tell(1_000)
        await asyncio.sleep(1)

        first, second = ref.kill(block=False), ref.kill(block=False)

        assert await first
        assert not await second
        assert not await ref.kill(block=False)
        assert not await ref.stop(block=False)


async def test_an_actor_can_kill_itself_in_the_middle_of_its_messages() -> None:
    class Suicidal(AsyncActor):
        count = 0

        def on_receive(self, message: object) -> object:
            Suicidal.count += 1
            _ = self.actor_ref.kill(block=False)
            return message

    async with ActorSystem() as system:
        ref = system.start(Suicidal)
        answer = ref.ask("last", block=False)
        behind = ref.ask("behind", block=False)

        assert await answer == "last"
        with pytest.raises(pykka.ActorDeadError):
            await behind
        assert Suicidal.count == 1
        assert ref.stop_reason == Killed()


async def test_a_coroutine_can_kill_its_own_actor() -> None:
    log: list[object] = []

    class Suicidal(Mortal):
        async def on_receive(self, message: object) -> object:
            _ = self.actor_ref.kill(block=False)
            return await super().on_receive(message)

    async with ActorSystem() as system:
        ref = system.start(Suicidal, log)

        with pytest.raises(pykka.ActorDeadError):
            await ref.ask(1_000, block=False)

    assert log == [1_000, "cancelled"]


async def test_a_handler_that_fails_after_it_was_killed_is_logged_and_not_supervised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[object] = []

    class Suicidal(Mortal):
        supervision: Strategy = Restart(backoff=Backoff(0))

        def on_receive(self, message: object) -> object:  # type: ignore[override] # no coroutine
            _ = self.actor_ref.kill(block=False)
            raise LookupError(message)

    async with ActorSystem() as system:
        ref = system.start(Suicidal, log)
        ref.tell("last")
        await settled(system)

        assert ref.stop_reason == Killed()
    assert log == []
    assert "LookupError: last" in caplog.text


async def test_an_actor_in_its_backoff_is_killed_at_once() -> None:
    class Patient(Mortal):
        supervision: Strategy = Restart(backoff=Backoff(1_000, maximum=1_000))

    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Patient, log)
        ref.tell("fail")
        ref.tell("behind")
        await asyncio.sleep(1)

        assert await ref.kill(block=False)

        assert ref.stop_reason == Killed()
        assert asyncio.get_running_loop().time() == pytest.approx(1)
    assert log == ["fail", "on_failure"]


async def test_an_actor_that_starts_is_killed_in_on_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Slow(AsyncActor):
        async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(1_000)

    async with ActorSystem() as system:
        ref = system.start(Slow)
        answer = ref.ask("hello", block=False)
        await asyncio.sleep(1)

        assert await ref.kill(block=False)
        with pytest.raises(pykka.ActorDeadError):
            await answer
    assert "Unhandled" not in caplog.text


async def test_a_stop_that_hangs_is_cut_off_by_a_kill() -> None:
    class Clinging(AsyncActor):
        async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(1_000)

    async with ActorSystem() as system:
        ref = system.start(Clinging)
        stopped = ref.stop(block=False)
        await asyncio.sleep(1)

        assert not await ref.kill(block=False)

        assert await stopped
        assert ref.stop_reason == Stopped()
        assert asyncio.get_running_loop().time() == pytest.approx(1)


async def test_a_coroutine_that_ignores_its_cancellation_is_waited_for() -> None:
    class Deaf(AsyncActor):
        async def on_receive(self, message: object) -> object:
            try:
                await asyncio.sleep(1_000)
            except asyncio.CancelledError:
                await asyncio.sleep(5)
            return message

    async with ActorSystem() as system:
        ref = system.start(Deaf)
        answer = ref.ask("hello", block=False)
        await asyncio.sleep(1)

        assert await ref.kill(block=False)

        assert asyncio.get_running_loop().time() == pytest.approx(6)
        assert await answer == "hello"


async def test_the_ref_of_an_actor_that_is_still_being_made_can_kill_it() -> None:
    class Stillborn(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            _ = self.actor_ref.kill(block=False)

        def on_receive(self, message: object) -> object:
            return message

    async with ActorSystem() as system:
        ref = system.start(Stillborn)
        await settled(system)

        assert not ref.is_alive()
        assert ref.stop_reason == Killed()
        assert ref.actor_inbox.actor is None


async def test_messages_for_the_key_of_a_killed_actor_go_to_the_next() -> None:
    log: list[object] = []

    async with ActorSystem() as system:
        refs: list[AsyncActorRef[Snitch]] = []

        class Snitch(Mortal):
            def on_start(self) -> None:
                refs.append(self.actor_ref)

        system.directory.register(Snitch, lambda _: Snitch(log))
        keyed = system.directory.ref(Snitch, "a")
        keyed.tell(1_000)
        await asyncio.sleep(1)
        behind = keyed.ask("behind", block=False)

        assert await refs[0].kill(block=False)

        assert await behind == "behind"
        assert len(refs) == 2
        assert len(system.directory) == 1


async def test_waiting_for_a_kill_on_the_loop_is_refused() -> None:
    async with ActorSystem() as system:
        ref = system.start(Mortal, [])

        with pytest.raises(BlockingCallError, match=r"await ref\.kill"):
            ref.kill()

        assert ref.is_alive()


@pytest.mark.real_time
async def test_a_thread_kills_an_actor_and_waits_for_it() -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Mortal, log)
        ref.tell(1_000)

        assert await asyncio.to_thread(lambda: ref.kill(timeout=30))

        assert ref.stop_reason == Killed()
    assert log in ([1_000, "cancelled"], [])


@pytest.mark.real_time
async def test_kills_from_many_threads_race_with_messages_and_lose_no_asker() -> None:
    async with ActorSystem() as system:
        for _ in range(50):
            ref = system.start(Mortal, [])
            barrier = threading.Barrier(3)
            answered: list[bool] = []

            def ask(
                ref: AsyncActorRef[Mortal] = ref,
                barrier: threading.Barrier = barrier,
                answered: list[bool] = answered,
            ) -> None:
                barrier.wait(30)
                for _ in range(20):
                    try:
                        ref.ask("hello", timeout=30)
                    except pykka.ActorDeadError:
                        pass
                    finally:
                        answered.append(True)

            def kill(
                ref: AsyncActorRef[Mortal] = ref,
                barrier: threading.Barrier = barrier,
            ) -> None:
                barrier.wait(30)
                ref.kill(timeout=30)

            await asyncio.gather(*(asyncio.to_thread(job) for job in (ask, kill, kill)))

            assert len(answered) == 20
            assert ref.stop_reason == Killed()


async def test_the_first_reason_counts() -> None:
    async with ActorSystem() as system:
        ref = system.start(Mortal, [])
        ref.tell("fail")
        await settled(system)

        await ref.kill(block=False)

        assert isinstance(ref.stop_reason, Failed)


class Sore(AsyncActor):
    """Raises while it cleans up after a cancellation; begins anew after a minute."""

    supervision: Strategy = Restart(backoff=Backoff(60, maximum=60))

    def __init__(self, log: list[object], sore: str) -> None:
        super().__init__()
        log.append("made")
        self.log = log
        self.sore = sore

    async def _hurt(self, hook: str) -> None:
        try:
            await asyncio.sleep(1_000 if hook == self.sore else 0)
        except asyncio.CancelledError:
            self.log.append("cleans up")
            raise LookupError(hook) from None

    async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        await self._hurt("start")

    async def on_failure(self, *_: object) -> None:  # type: ignore[override] # same
        await self._hurt("failure")

    async def on_receive(self, message: object) -> None:
        await self._hurt("message")
        raise LookupError(message)


@pytest.mark.parametrize("sore", ["start", "message", "failure"])
async def test_a_killed_actor_that_fails_to_clean_up_does_not_begin_anew(
    sore: str,
) -> None:
    log: list[object] = []
    async with ActorSystem() as system:
        ref = system.start(Sore, log, sore)
        ref.tell("hello")
        await asyncio.sleep(1)

        assert await ref.kill(block=False)

        assert log == ["made", "cleans up"]
        assert ref.stop_reason == Killed()
        assert asyncio.get_running_loop().time() == pytest.approx(1)


@pytest.mark.parametrize("strategy", [Restart(backoff=Backoff(0)), Escalate()])
async def test_what_fails_in_a_start_that_is_killed_is_no_failure(
    strategy: Strategy,
) -> None:
    made: list[AsyncActor] = []

    class Tired(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

        def on_start(self) -> None:
            _ = self.actor_ref.kill(block=False)
            raise LookupError

    class Parent(AsyncActor):
        def on_receive(self, message: object) -> object:  # noqa: ARG002 - any will do
            return self.start_child(Tired, supervision=strategy)

    async with ActorSystem() as system:
        parent = system.start(Parent)
        child = await parent.ask("child", block=False)
        await settled(system)

        assert child.stop_reason == Killed()
        assert parent.is_alive()
    assert len(made) == 1
