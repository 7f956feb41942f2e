"""Actors with threads of their own live beside ours, and both can talk."""

from __future__ import annotations

import threading

import pykka
import pytest

from duologue.actors import ActorSystem, AsyncActor, AsyncFuture

pytestmark = pytest.mark.usefixtures("everyone_stops")


class Threaded(pykka.ThreadingActor):
    """Answers, and asks others in its own thread."""

    def __init__(self, log: list[str] | None = None) -> None:
        super().__init__()
        self._log = log

    def on_receive(self, message: object) -> object:
        if isinstance(message, pykka.ActorRef):
            return message.ask("from a thread", timeout=30)
        return ("threaded", message)

    def on_stop(self) -> None:
        if self._log is not None:
            self._log.append("threaded")

    def double(self, number: int) -> int:
        return 2 * number


class Hosted(AsyncActor):
    """Answers, and asks others without blocking its loop."""

    def __init__(self, log: list[str] | None = None) -> None:
        super().__init__()
        self._log = log

    async def on_receive(self, message: object) -> object:
        if isinstance(message, pykka.ActorRef):
            return await AsyncFuture.of(message.ask("from a loop", block=False))
        return ("hosted", message)

    async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        if self._log is not None:
            self._log.append("hosted")

    async def double_by(self, ref: pykka.ActorRef[Threaded], number: int) -> object:
        return await AsyncFuture.of(ref.proxy().double(number))


def test_both_kinds_ask_each_other() -> None:
    threaded, hosted = Threaded.start(), Hosted.start()

    assert hosted.ask(threaded, timeout=30) == ("threaded", "from a loop")
    assert threaded.ask(hosted, timeout=30) == ("hosted", "from a thread")


def test_both_kinds_use_proxies_of_each_other() -> None:
    threaded, hosted = Threaded.start(), Hosted.start()

    assert hosted.proxy().double_by(threaded, 4).get(timeout=30) == 8


@pytest.mark.real_time
async def test_an_actor_that_waits_for_a_thread_keeps_no_other_waiting() -> None:
    gate = threading.Event()

    class Slow(pykka.ThreadingActor):
        def on_receive(self, message: object) -> object:
            gate.wait(30)
            return message

    async with ActorSystem():
        waiting = Hosted.start().ask(Slow.start(), block=False)

        assert await Hosted.start().ask("quick", block=False) == ("hosted", "quick")
        assert not waiting.is_ready()
        gate.set()
        assert await waiting == "from a loop"


def test_stopping_everyone_begins_with_the_last_hosted_or_not() -> None:
    log: list[str] = []
    kinds: list[type[Threaded | Hosted]] = [Threaded, Hosted, Hosted, Threaded]
    for kind in kinds:
        kind.start(log)

    stopped = pykka.ActorRegistry.stop_all(block=True, timeout=30)

    assert stopped == [True] * 4
    assert log == ["threaded", "hosted", "hosted", "threaded"]
    assert pykka.ActorRegistry.get_all() == []


def test_stopping_everyone_without_waiting_gives_futures_of_it() -> None:
    Threaded.start()
    Hosted.start()
    Threaded.start()

    stopping = pykka.ActorRegistry.stop_all(block=False)

    assert list(pykka.get_all(stopping, timeout=30)) == [True] * 3
    assert pykka.ActorRegistry.get_all() == []


def test_an_exit_in_a_thread_stops_the_hosted_actors_too() -> None:
    class Leaver(pykka.ThreadingActor):
        def on_receive(self, message: object) -> object:
            raise SystemExit(message)

    hosted = Hosted.start()

    Leaver.start().tell("bye")

    assert hosted.actor_stopped.wait(30)
