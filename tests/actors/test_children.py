"""Children stop before their parent does, and may leave their failures to it."""

from __future__ import annotations

import asyncio
import threading
from typing import TypeVar

import pykka
import pytest
from pykka import ActorRef

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncActorRef,
    Backoff,
    Escalate,
    Failed,
    Killed,
    ParentStopped,
    Restart,
    Resume,
    Stop,
    Stopped,
    Strategy,
)
from duologue.actors.testing import settled
from duologue.errors import (
    ChildFailedError,
    OutsideTurnError,
    SupervisionSettingError,
)
from tests.actors.conftest import AT_ONCE

P = TypeVar("P", bound="Parent")


class Named(AsyncActor):
    def __init__(self, log: list[str], name: str) -> None:
        super().__init__()
        self.log = log
        self.name = name

    async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        await asyncio.sleep(1)
        self.log.append(f"{self.name} stops")

    def on_receive(self, message: object) -> object:
        if message == "fail":
            raise LookupError(message)
        return message


class Parent(Named):
    """Starts a child for each name it gets."""

    def on_failure(self, *exc_info: object) -> None:
        self.log.append(f"{self.name} failed with {type(exc_info[1]).__name__}")

    def on_receive(self, message: object) -> object:
        match message:
            case "children":
                return self.children
            case str(name), Stop() | Resume() | Restart() | Escalate() as strategy:
                return self.start_child(Named, self.log, name, supervision=strategy)
            case str(name), int(depth):
                child = self.start_child(Parent, self.log, name)
                if depth > 1:
                    child.tell((f"{name}.", depth - 1))
                return child
            case str(name) if name != "fail":
                return self.start_child(Named, self.log, name)
            case _:
                return super().on_receive(message)


async def children_of(
    parent: AsyncActorRef[P], *names: object
) -> list[AsyncActorRef[Named]]:
    return [await parent.ask(name, block=False) for name in names]


async def test_a_child_knows_its_parent_and_a_parent_its_children() -> None:
    class Child(AsyncActor):
        def on_receive(self, message: object) -> object:  # noqa: ARG002 - any will do
            return self.parent

    class Family(AsyncActor):
        def on_receive(self, message: object) -> object:
            if message == "children":
                return self.children
            return self.start_child(Child)

    async with ActorSystem() as system:
        family = system.start(Family)
        ref = await family.ask("a", block=False)
        other = await family.ask("b", block=False)

        assert await ref.ask("parent", block=False) is family
        assert await family.ask("children", block=False) == (ref, other)


async def test_an_actor_on_its_own_has_neither_parent_nor_children() -> None:
    class Orphan(AsyncActor):
        def on_receive(self, message: object) -> object:  # noqa: ARG002 - any will do
            return self.parent, self.children

    async with ActorSystem() as system:
        assert await system.start(Orphan).ask("?", block=False) == (None, ())


async def test_children_stop_before_their_parent_the_last_one_first() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Parent, log, "parent")
        refs = await children_of(parent, "one", "two", "three")

        await parent.stop(block=False)

        assert log == ["three stops", "two stops", "one stops", "parent stops"]
        assert [ref.stop_reason for ref in refs] == [ParentStopped()] * 3
        assert parent.stop_reason == Stopped()
        assert asyncio.get_running_loop().time() == pytest.approx(4)


async def test_a_child_handles_what_it_has_before_it_stops_with_its_parent() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent, [], "parent")
        [child] = await children_of(parent, "child")
        answer = child.ask("hello", block=False)

        _ = parent.stop(block=False)

        assert await answer == "hello"


async def test_a_family_of_many_generations_stops_from_the_youngest_on() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Parent, log, "p")
        await children_of(parent, ("a", 500))
        await settled(system)

        assert await parent.stop(block=False)

    assert len(log) == 501
    assert log[-1] == "p stops"
    assert log[-2] == "a stops"


async def test_a_child_that_stops_by_itself_leaves_no_trace_at_its_parent() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent, [], "parent")
        stopped, failed, killed, stays = await children_of(parent, "a", "b", "c", "d")

        await stopped.stop(block=False)
        failed.tell("fail")
        await killed.kill(block=False)
        await settled(system)

        assert await parent.ask("children", block=False) == (stays,)


async def test_a_parent_that_fails_takes_its_children_with_it() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Parent, log, "parent")
        [child] = await children_of(parent, "child")

        parent.tell("fail")
        await settled(system)

        assert isinstance(parent.stop_reason, Failed)
        assert child.stop_reason == ParentStopped()
    assert log == ["parent failed with LookupError", "child stops"]


async def test_children_are_stopped_when_their_parent_begins_anew() -> None:
    class Restarting(Parent):
        supervision: Strategy = AT_ONCE

        def on_start(self) -> None:
            self.start_child(Named, self.log, "of on_start")

    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Restarting, log, "parent")
        [child] = await children_of(parent, "child")
        before = await parent.ask("children", block=False)

        parent.tell("fail")
        after = await parent.ask("children", block=False)

        assert log == [
            "parent failed with LookupError",
            "child stops",
            "of on_start stops",
        ]
        assert child.stop_reason == ParentStopped()
        assert len(before) == 2
        assert len(after) == 1
        assert after[0].is_alive()


async def test_a_parent_that_goes_to_sleep_stops_its_children() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        system.directory.register(Parent, lambda key: Parent(log, key))
        ref = system.directory.ref(Parent, "parent")
        child = await ref.ask("child", block=False)

        assert await ref.passivate()

        assert child.stop_reason == ParentStopped()
    assert log == ["child stops", "parent stops"]


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_passivation_that_fails_stops_the_children_too(
    *, is_late: bool
) -> None:
    class Restless(Parent):
        async def on_passivate(self) -> None:
            await asyncio.sleep(0)
            raise LookupError("passivate")

    class RestlessAtOnce(Parent):
        def on_passivate(self) -> None:
            raise LookupError("passivate")

    log: list[str] = []
    kind = Restless if is_late else RestlessAtOnce
    async with ActorSystem() as system:
        parent = system.start(kind, log, "parent")
        await children_of(parent, "child")

        parent.tell("hello")
        parent.proxy().passivate()
        await settled(system)

        assert isinstance(parent.stop_reason, Failed)
    assert log[:1] == ["hello stops"]


async def test_the_supervision_of_a_child_can_be_said_where_it_is_started() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent, [], "parent")
        resumes, restarts, stops = await children_of(
            parent, ("a", Resume()), ("b", AT_ONCE), ("c", Stop())
        )

        for child in (resumes, restarts, stops):
            child.tell("fail")
        await settled(system)

        assert [ref.is_alive() for ref in (resumes, restarts, stops)] == [
            True,
            True,
            False,
        ]


async def test_a_child_starts_under_a_strategy_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Wrong(AsyncActor):
        def on_receive(self, message: object) -> object:  # noqa: ARG002 - any will do
            return self.start_child(Named, [], "a", supervision="restart")  # type: ignore[arg-type] # the mistake

    async with ActorSystem() as system:
        with pytest.raises(SupervisionSettingError, match="'restart'"):
            await system.start(Wrong).ask("?", block=False)

        assert pykka.ActorRegistry.get_by_class(Named) == []
    del caplog


async def test_an_escalated_failure_is_the_failure_of_the_parent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Parent, log, "parent")
        child, sibling = await children_of(parent, ("a", Escalate()), "b")

        child.tell("fail")
        await settled(system)

        assert isinstance(child.stop_reason, Failed)
        assert isinstance(parent.stop_reason, Failed)
        error = parent.stop_reason.error
        assert isinstance(error, ChildFailedError)
        assert error.child == str(child)
        assert error.reason == "LookupError('fail')"
        assert isinstance(error.__cause__, LookupError)
        assert sibling.stop_reason == ParentStopped()
    assert log == ["a stops", "parent failed with ChildFailedError", "b stops"][1:]
    assert "ChildFailedError" in caplog.text


@pytest.mark.parametrize(
    ("strategy", "is_alive"), [(Resume(), True), (AT_ONCE, True), (Stop(), False)]
)
async def test_a_parent_deals_with_the_failure_of_a_child_as_with_its_own(
    strategy: Strategy, *, is_alive: bool
) -> None:
    class Supervisor(Parent):
        supervision: Strategy = strategy

    async with ActorSystem() as system:
        parent = system.start(Supervisor, [], "parent")
        child, sibling = await children_of(parent, ("a", Escalate()), "b")

        child.tell("fail")
        await settled(system)

        assert parent.is_alive() == is_alive
        assert sibling.is_alive() == isinstance(strategy, Resume)


async def test_failures_climb_up_to_the_first_who_does_not_escalate() -> None:
    class Middle(Named):
        supervision: Strategy = Escalate()

        def on_receive(self, message: object) -> object:
            return self.start_child(
                Named, self.log, str(message), supervision=Escalate()
            )

    class Top(Named):
        supervision: Strategy = Resume()

        def on_receive(self, message: object) -> object:
            if message == "children":
                return self.children
            return self.start_child(Middle, self.log, str(message))

    async with ActorSystem() as system:
        top = system.start(Top, [], "top")
        middle = await top.ask("middle", block=False)
        bottom = await middle.ask("bottom", block=False)

        bottom.tell("fail")
        await settled(system)

        assert top.is_alive()
        assert await top.ask("children", block=False) == ()
        assert isinstance(middle.stop_reason, Failed)


async def test_a_failure_without_a_parent_to_escalate_to_is_the_end_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Orphan(Named):
        supervision: Strategy = Escalate()

    async with ActorSystem() as system:
        ref = system.start(Orphan, [], "orphan")
        ref.tell("fail")
        await settled(system)

        assert isinstance(ref.stop_reason, Failed)
    assert "LookupError: fail" in caplog.text


async def test_a_child_that_restarts_too_often_escalates() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent, [], "parent")
        twice = Restart(max_restarts=2, within=10, backoff=Backoff(0))
        [child] = await children_of(parent, ("a", twice))

        child.tell("fail")
        child.tell("fail")
        await settled(system)
        assert child.is_alive()
        child.tell("fail")
        await settled(system)

        assert isinstance(parent.stop_reason, Failed)
        assert isinstance(parent.stop_reason.error, ChildFailedError)


async def test_a_stopping_parent_does_not_wait_for_the_backoff_of_a_child() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent, [], "parent")
        patient = Restart(backoff=Backoff(1_000, maximum=1_000))
        [child] = await children_of(parent, ("a", patient))
        child.tell("fail")
        await asyncio.sleep(1)

        await parent.stop(block=False)

        assert isinstance(child.stop_reason, Failed)
        assert asyncio.get_running_loop().time() == pytest.approx(2)


async def test_a_child_of_a_stopping_parent_does_not_begin_anew() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent, [], "parent")
        [child] = await children_of(parent, ("a", AT_ONCE))
        stopped = parent.stop(block=False)
        child.tell("hello")
        child.tell("fail")

        await stopped

        assert isinstance(child.stop_reason, Failed)


class Stuck(AsyncActor):
    async def on_receive(self, message: object) -> None:  # noqa: ARG002 - any will do
        await asyncio.sleep(1_000)


class HasAStuckChild(Named):
    def on_receive(self, message: object) -> ActorRef[Stuck]:  # noqa: ARG002 - same
        child = self.start_child(Stuck)
        child.tell("hang")
        return child


async def test_a_child_that_hangs_is_cut_off_with_its_parent_at_the_end() -> None:
    log: list[str] = []
    async with ActorSystem(drain=3) as system:
        parent = system.start(HasAStuckChild, log, "parent")
        child = await parent.ask("child", block=False)
        stopped = parent.stop(block=False)

    assert asyncio.get_running_loop().time() == pytest.approx(3)
    assert not child.is_alive()
    assert not parent.is_alive()
    assert log == []
    assert pykka.ActorRegistry.get_all() == []
    assert await stopped


async def test_killing_a_child_that_hangs_lets_its_parent_stop() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(HasAStuckChild, log, "parent")
        child = await parent.ask("child", block=False)
        stopped = parent.stop(block=False)
        await asyncio.sleep(5)

        await child.kill(block=False)

        assert await stopped
        assert log == ["parent stops"]


async def test_a_parent_that_is_killed_while_it_waits_for_its_children_kills_them() -> (
    None
):
    async with ActorSystem() as system:
        parent = system.start(HasAStuckChild, [], "parent")
        child = await parent.ask("child", block=False)
        stopped = parent.stop(block=False)
        await asyncio.sleep(5)

        await parent.kill(block=False)
        await settled(system)

        assert await stopped
        assert parent.stop_reason == Stopped()
        assert child.stop_reason == Killed()


async def test_children_are_killed_with_their_parent() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Parent, log, "parent")
        refs = await children_of(parent, "a", "b", ("c", 300))
        await settled(system)

        await parent.kill(block=False)
        await settled(system)

        assert {ref.stop_reason for ref in refs} == {Killed()}
        assert pykka.ActorRegistry.get_all() == []
    assert log == []


async def test_the_system_stops_families_in_their_order() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        parent = system.start(Parent, log, "parent")
        await children_of(parent, "one", "two")

    assert log == ["two stops", "one stops", "parent stops"]


async def test_children_start_in_a_turn_of_their_parent_only() -> None:
    class Eager(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            self.start_child(Stuck)

    class Late(AsyncActor):
        def on_stop(self) -> None:
            self.start_child(Stuck)

    async with ActorSystem() as system:
        with pytest.raises(OutsideTurnError, match="on_start"):
            system.start(Eager)
        actor = system.start(Stuck)._actor_weakref()
        assert actor is not None
        with pytest.raises(OutsideTurnError, match=r"start_child\(\) of Stuck"):
            await asyncio.to_thread(actor.start_child, Stuck)
        late = system.start(Late)
        assert await late.stop(block=False)

        assert len(pykka.ActorRegistry.get_by_class(Stuck)) == 1


async def test_children_live_on_the_host_of_their_parent() -> None:
    async with ActorSystem(), ActorSystem() as inner:
        parent = inner.start(Parent, [], "parent")
        [child] = await children_of(parent, "child")

        assert child.actor_inbox.host is parent.actor_inbox.host


class Doomed(AsyncActor):
    supervision: Strategy = Escalate()

    def on_receive(self, message: object) -> None:
        raise LookupError(message)


class Bearing(AsyncActor):
    """Starts children that fail, in its first life only."""

    supervision: Strategy = AT_ONCE

    def __init__(self, lives: list[int]) -> None:
        super().__init__()
        lives.append(len(lives))
        self.is_first = len(lives) == 1

    def on_receive(self, message: object) -> None:
        if not self.is_first:
            return
        children = [self.start_child(Doomed) for _ in range(5)]
        for child in children:
            child.tell("fail")
        if message == "fail":
            raise LookupError(message)


@pytest.mark.parametrize("message", ["children", "fail"])
async def test_failed_children_of_an_earlier_instance_are_no_failures_of_the_next(
    message: object,
) -> None:
    lives: list[int] = []
    async with ActorSystem() as system:
        parent = system.start(Bearing, lives)

        parent.tell(message)
        await settled(system)

        assert parent.is_alive()
    assert lives == [0, 1]


@pytest.mark.real_time
async def test_a_child_lives_beside_its_parent_whatever_places_other_actors() -> None:
    class Where(AsyncActor):
        def on_receive(self, message: object) -> object:
            if message == "child":
                with system.own_loop():
                    return self.start_child(Where)
            return threading.get_ident()

    async with ActorSystem(hosts=2) as system:
        for ref in [system.start(Where) for _ in range(2)]:
            child = await ref.ask("child", block=False)

            here = await ref.ask("where", block=False)

            assert await child.ask("where", block=False) == here
