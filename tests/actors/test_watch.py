"""Whoever watches an actor learns of its end, once, and after its last words."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from typing import TypeVar, cast

import pykka
import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    Backoff,
    Failed,
    Killed,
    Passivated,
    Restart,
    Stopped,
    StopReason,
    Strategy,
    Terminated,
)
from duologue.actors.testing import settled
from duologue.errors import OutsideTurnError, WatchError

A = TypeVar("A", bound=AsyncActor)


class Watched(AsyncActor):
    def on_receive(self, message: object) -> object:
        if message == "fail":
            raise LookupError(message)
        return message


class Watcher(AsyncActor):
    """Watches the refs it gets; `("unwatch", ref)` takes that back."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def on_receive(self, message: object) -> object:
        match message:
            case "seen":
                return self.seen
            case "unwatch", pykka.ActorRef() as ref:
                self.unwatch(ref)
            case Terminated() | str():
                self.seen.append(message)
            case _:
                self.watch(message)
        return None


def end_of(ref: AsyncActorRef[A], reason: StopReason) -> Terminated:
    return Terminated(cast("AsyncActorRef[pykka.Actor]", ref), reason)


async def seen_by(watcher: AsyncActorRef[A]) -> list[object]:
    seen: list[object] = await watcher.ask("seen", block=False)
    return seen


async def ended(ref: AsyncActorRef[Watched], how: str) -> StopReason:
    match how:
        case "stop":
            await ref.stop(block=False)
            return Stopped()
        case "kill":
            await ref.kill(block=False)
            return Killed()
        case _:
            ref.tell("fail")
            return Failed(LookupError("fail"))


@pytest.mark.parametrize("how", ["stop", "kill", "fail"])
@pytest.mark.parametrize("is_dead", [False, True])
async def test_a_watcher_learns_once_that_an_actor_has_stopped_and_why(
    how: str, *, is_dead: bool
) -> None:
    async with ActorSystem() as system:
        watcher, ref = system.start(Watcher), system.start(Watched)
        if not is_dead:
            await watcher.ask(ref, block=False)

        reason = await ended(ref, how)
        await settled(system)
        if is_dead:
            await watcher.ask(ref, block=False)

        [news] = await seen_by(watcher)
        assert isinstance(news, Terminated)
        assert news.ref is ref
        assert news.reason == ref.stop_reason
        assert repr(news.reason) == repr(reason)


async def test_an_actor_that_goes_to_sleep_says_so_to_its_watchers() -> None:
    class Keyed(Watched):
        def on_receive(self, message: object) -> object:  # noqa: ARG002 - any will do
            return self.actor_ref

    async with ActorSystem() as system:
        system.directory.register(Keyed, lambda _: Keyed())
        keyed = system.directory.ref(Keyed, "a")
        watcher, ref = system.start(Watcher), await keyed.ask("?", block=False)
        await watcher.ask(ref, block=False)

        await keyed.passivate()

        assert await seen_by(watcher) == [end_of(ref, Passivated())]


async def test_news_of_the_end_come_after_the_last_words() -> None:
    class Talker(AsyncActor):
        def __init__(self, friend: AsyncActorRef[Watcher]) -> None:
            super().__init__()
            self.friend = friend

        def on_receive(self, message: object) -> None:
            self.friend.tell(message)

        async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(1)
            self.friend.tell("last words")

    async with ActorSystem() as system:
        watcher = system.start(Watcher)
        ref = system.start(Talker, watcher)
        await watcher.ask(ref, block=False)

        for number in range(100):
            ref.tell(str(number))
        await ref.stop(block=False)
        await settled(system)

        assert await seen_by(watcher) == [
            *map(str, range(100)),
            "last words",
            end_of(ref, Stopped()),
        ]


async def test_watching_twice_is_watching_once() -> None:
    async with ActorSystem() as system:
        watcher, ref = system.start(Watcher), system.start(Watched)
        await watcher.ask(ref, block=False)
        await watcher.ask(ref, block=False)

        await ref.stop(block=False)
        await settled(system)

        assert len(await seen_by(watcher)) == 1


async def test_a_dead_actor_can_be_watched_again() -> None:
    async with ActorSystem() as system:
        watcher, ref = system.start(Watcher), system.start(Watched)
        await ref.stop(block=False)

        await watcher.ask(ref, block=False)
        await settled(system)
        await watcher.ask(ref, block=False)

        assert len(await seen_by(watcher)) == 2


async def test_who_has_stopped_to_watch_gets_not_even_waiting_news() -> None:
    class Hesitant(Watcher):
        async def on_receive(self, message: object) -> object:
            await asyncio.sleep(1)
            return super().on_receive(message)

    async with ActorSystem() as system:
        watcher, ref = system.start(Hesitant), system.start(Watched)
        other = system.start(Watched)
        for actor in (ref, other):
            await watcher.ask(actor, block=False)

        watcher.tell(("unwatch", ref))
        await ref.stop(block=False)
        await other.stop(block=False)

        assert await seen_by(watcher) == [end_of(other, Stopped())]


async def test_a_restart_is_no_end() -> None:
    class Restarting(Watched):
        supervision: Strategy = Restart(backoff=Backoff(0))

    async with ActorSystem() as system:
        watcher, ref = system.start(Watcher), system.start(Restarting)
        await watcher.ask(ref, block=False)

        ref.tell("fail")
        await settled(system)
        assert await seen_by(watcher) == []
        await ref.stop(block=False)

        assert await seen_by(watcher) == [end_of(ref, Stopped())]


async def test_a_new_instance_watches_nobody() -> None:
    class Forgetful(Watcher):
        supervision: Strategy = Restart(backoff=Backoff(0))

        def on_receive(self, message: object) -> object:
            if message == "fail":
                raise LookupError(message)
            return super().on_receive(message)

    async with ActorSystem() as system:
        watcher, ref = system.start(Forgetful), system.start(Watched)
        await watcher.ask(ref, block=False)

        watcher.tell("fail")
        await settled(system)
        await ref.stop(block=False)

        assert await seen_by(watcher) == []


async def test_only_others_that_live_on_loops_can_be_watched() -> None:
    class Thread(pykka.ThreadingActor):
        pass

    async with ActorSystem() as system:
        watcher = system.start(Watcher)
        system.directory.register(Watched, lambda _: Watched())
        keyed = system.directory.ref(Watched, "a")
        threaded = await asyncio.to_thread(Thread.start)

        with pytest.raises(WatchError, match="itself"):
            await watcher.ask(watcher, block=False)
        for wrong in (keyed, threaded, 7):
            with pytest.raises(WatchError, match="ref of another AsyncActor"):
                await watcher.ask(wrong, block=False)

        await asyncio.to_thread(threaded.stop)


async def test_watching_belongs_into_a_turn() -> None:
    async with ActorSystem() as system:
        ref = system.start(Watched)
        actor = system.start(Watcher)._actor_weakref()
        assert actor is not None

        with pytest.raises(OutsideTurnError, match=r"watch\(\)"):
            await asyncio.to_thread(actor.watch, ref)


async def test_a_watcher_that_stops_first_is_forgotten() -> None:
    async with ActorSystem() as system:
        ref = system.start(Watched)
        traces = []
        for _ in range(3):
            watcher = system.start(Watcher)
            await watcher.ask(ref, block=False)
            await watcher.stop(block=False)
            await settled(system)
            traces.append(weakref.ref(watcher.actor_inbox.queue))
            del watcher
        gc.collect()

        assert [trace() for trace in traces] == [None] * 3
        assert ref.is_alive()


async def test_a_message_of_that_class_from_anybody_is_a_message_like_any_other() -> (
    None
):
    async with ActorSystem() as system:
        watcher, ref = system.start(Watcher), system.start(Watched)
        news = end_of(ref, Stopped())

        watcher.tell(news)

        assert await seen_by(watcher) == [news]


class Counting(AsyncActor):
    """Counts the ends that it hears of, and says when that is the first."""

    def __init__(self, heard: Counter[int], number: int) -> None:
        super().__init__()
        self.heard = heard
        self.number = number
        self.first = asyncio.Event()

    def on_receive(self, message: object) -> None:
        if isinstance(message, Terminated):
            self.heard[self.number] += 1
            self.first.set()
        else:
            self.watch(message)

    async def until_heard(self) -> None:
        await self.first.wait()


async def _watch_from_another_loop(
    ref: AsyncActorRef[Watched], heard: Counter[int], numbers: range
) -> None:
    async with ActorSystem() as other:
        watchers = [other.start(Counting, heard, number) for number in numbers]
        for watcher in watchers:
            watcher.tell(ref)
        actors = [watcher._actor_weakref() for watcher in watchers]
        async with asyncio.timeout(10):
            for actor in actors:
                assert actor is not None
                await actor.until_heard()


@settings(max_examples=20)
@given(
    before=st.integers(0, 30),
    watches=st.integers(1, 20),
    how=st.sampled_from(["stop", "kill", "fail"]),
)
def test_under_threads_each_watcher_learns_of_the_end_exactly_once(
    before: int, watches: int, how: str
) -> None:
    heard: Counter[int] = Counter()
    afar = range(100, 100 + watches)

    async def main() -> None:
        async with ActorSystem() as system:
            ref = system.start(Watched)
            here = [system.start(Counting, heard, number) for number in range(watches)]

            async def end() -> None:
                for number in range(before):
                    ref.tell(number)
                    await asyncio.sleep(0)
                for watcher in here:
                    watcher.tell(ref)
                await ended(ref, how)

            def run() -> None:
                asyncio.run(_watch_from_another_loop(ref, heard, afar))

            await asyncio.gather(asyncio.to_thread(run), end())
            await settled(system)

    asyncio.run(main())

    assert heard == Counter([*range(watches), *afar])
