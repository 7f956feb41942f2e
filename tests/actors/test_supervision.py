"""An actor that fails goes on, begins anew, or stops, as its class says."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import math

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    Backoff,
    Escalate,
    Failed,
    Restart,
    Resume,
    Stop,
    Stopped,
    Strategy,
    SystemClosed,
)
from duologue.actors.testing import settled
from duologue.errors import (
    ActivationError,
    SupervisionSettingError,
    SystemClosedError,
)
from tests.actors.conftest import AT_ONCE

trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="nothing")


class Worker(AsyncActor):
    """Counts what it gets; fails when told so; its hooks leave traces."""

    def __init__(self, log: list[str], name: str = "w") -> None:
        super().__init__()
        log.append(f"{name} made")
        self.log = log
        self.name = name
        self.count = 0

    def on_start(self) -> None:
        self.log.append(f"{self.name} starts")

    def on_stop(self) -> None:
        self.log.append(f"{self.name} stops")

    def on_failure(self, *exc_info: object) -> None:
        self.log.append(f"{self.name} failed with {exc_info[1]}")

    def on_receive(self, message: object) -> object:
        if message == "fail":
            raise LookupError(message)
        self.count += 1
        return self.count


class Resuming(Worker):
    supervision: Strategy = Resume()


class Restarting(Worker):
    supervision: Strategy = AT_ONCE


async def test_by_default_an_actor_that_fails_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Worker, log)

        ref.tell("fail")
        behind = ref.ask("hello", block=False)
        await settled(system)

        assert not ref.is_alive()
        with pytest.raises(pykka.ActorDeadError):
            await behind
    assert log == ["w made", "w starts", "w failed with fail"]
    assert [r.name for r in caplog.records if r.levelno == logging.ERROR] == ["pykka"]
    assert "Unhandled exception in Worker" in caplog.text


async def test_an_actor_that_resumes_keeps_its_state_and_its_other_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Resuming, log)

        for message in ("one", "fail", "two"):
            ref.tell(message)

        assert await ref.ask("three", block=False) == 3
        assert ref.stop_reason is None
    assert log == ["w made", "w starts", "w stops"]
    assert "LookupError: fail" in caplog.text


async def test_a_restart_makes_a_new_instance_with_the_same_arguments_and_ref() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Restarting, log, name="r")
        urn = ref.actor_urn

        for message in ("one", "fail", "two"):
            ref.tell(message)

        assert await ref.ask("three", block=False) == 2
        assert ref.actor_urn == urn
        assert pykka.ActorRegistry.get_by_urn(urn) is ref
    assert log == [
        "r made",
        "r starts",
        "r failed with fail",
        "r made",
        "r starts",
        "r stops",
    ]


async def test_a_new_instance_has_the_ref_of_the_old_one_from_its_first_line_on() -> (
    None
):
    refs: list[object] = []

    class Talkative(Restarting):
        def __init__(self, log: list[str]) -> None:
            super().__init__(log)
            refs.append(self.actor_ref)
            self.actor_ref.tell("from __init__")

    async with ActorSystem() as system:
        ref = system.start(Talkative, [])
        ref.tell("fail")

        assert await ref.ask("hello", block=False) == 1
        assert await ref.ask("hello", block=False) == 3
    assert refs == [ref, ref]


async def test_the_actors_that_a_new_instance_makes_on_its_way_are_their_own() -> None:
    helpers: list[object] = []

    class Leader(Restarting):
        def __init__(self, log: list[str]) -> None:
            helpers.append(Worker.start(log, "helper"))
            super().__init__(log)

    async with ActorSystem() as system:
        ref = system.start(Leader, [])
        ref.tell("fail")
        await settled(system)

        assert len({*helpers, ref}) == 3


async def test_a_restart_waits_for_its_backoff_and_then_handles_what_waited() -> None:
    class Patient(Worker):
        supervision: Strategy = Restart(backoff=Backoff(1, factor=3, maximum=5))

    loop = asyncio.get_running_loop()
    async with ActorSystem() as system:
        ref = system.start(Patient, [])
        waits: list[float] = []

        for _ in range(4):
            began = loop.time()
            ref.tell("fail")
            assert await ref.ask("hello", block=False) == 1
            waits.append(loop.time() - began)

    assert waits == pytest.approx([1, 3, 5, 5])


async def test_too_many_failures_within_the_window_stop_the_actor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Hopeless(Worker):
        supervision: Strategy = Restart(max_restarts=3, within=10, backoff=Backoff(0))

    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Hopeless, log)

        for _ in range(10):
            ref.tell("fail")
        await settled(system)

        assert isinstance(ref.stop_reason, Failed)
        assert str(ref.stop_reason.error) == "fail"
    assert log.count("w made") == 4
    assert log.count("w failed with fail") == 4
    assert "Unhandled exception in Hopeless" in caplog.text


async def test_failures_outside_of_the_window_do_not_count() -> None:
    class Seldom(Worker):
        supervision: Strategy = Restart(max_restarts=1, within=10, backoff=Backoff(0))

    async with ActorSystem() as system:
        ref = system.start(Seldom, [])

        for _ in range(5):
            ref.tell("fail")
            await asyncio.sleep(10)
        assert ref.is_alive()

        ref.tell("fail")
        await asyncio.sleep(9.9)
        ref.tell("fail")
        await settled(system)
        assert not ref.is_alive()


async def test_errors_of_asks_go_to_the_asker_and_are_not_supervised() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Restarting, log)

        with pytest.raises(LookupError):
            await ref.ask("fail", block=False)

        assert await ref.ask("hello", block=False) == 1
    assert log.count("w made") == 1


async def test_coroutines_that_fail_are_restarted_too() -> None:
    class Later(AsyncActor):
        supervision: Strategy = AT_ONCE
        made = 0

        async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(1)
            Later.made += 1

        async def on_failure(self, *_: object) -> None:  # type: ignore[override] # same
            await asyncio.sleep(1)

        async def on_receive(self, message: object) -> object:
            await asyncio.sleep(1)
            if message == "fail":
                raise LookupError(message)
            return message

    async with ActorSystem() as system:
        ref = system.start(Later)
        ref.tell("fail")

        assert await ref.ask("hello", block=False) == "hello"

        assert Later.made == 2
        assert asyncio.get_running_loop().time() == pytest.approx(5)


class FailsToStart(AsyncActor):
    """Starts well at the `good`th time."""

    def __init__(self, tries: list[int], good: int) -> None:
        super().__init__()
        tries.append(len(tries) + 1)
        self.is_good = tries[-1] >= good

    def on_start(self) -> None:
        if not self.is_good:
            raise LookupError("start")

    def on_receive(self, message: object) -> object:
        return message


class RestartsUntilStarted(FailsToStart):
    supervision: Strategy = Restart(max_restarts=4, within=100, backoff=Backoff(1))


class ResumesStart(FailsToStart):
    supervision: Strategy = Resume()


async def test_a_start_that_fails_is_tried_again() -> None:
    tries: list[int] = []
    async with ActorSystem() as system:
        ref = system.start(RestartsUntilStarted, tries, 4)

        assert await ref.ask("hello", block=False) == "hello"

        assert tries == [1, 2, 3, 4]
        assert asyncio.get_running_loop().time() == pytest.approx(1 + 2 + 4)


async def test_a_start_that_always_fails_ends() -> None:
    tries: list[int] = []
    async with ActorSystem() as system:
        ref = system.start(RestartsUntilStarted, tries, 100)

        with pytest.raises(pykka.ActorDeadError):
            await ref.ask("hello", block=False)

        assert tries == [1, 2, 3, 4, 5]
        assert isinstance(ref.stop_reason, Failed)


async def test_a_start_that_fails_cannot_be_resumed() -> None:
    async with ActorSystem() as system:
        ref = system.start(ResumesStart, [], 2)

        with pytest.raises(pykka.ActorDeadError):
            await ref.ask("hello", block=False)


class ExitsInStart(AsyncActor):
    def on_start(self) -> None:
        raise SystemExit(3)


class ExitsLater(AsyncActor):
    async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        await asyncio.sleep(1)
        raise SystemExit(3)


@pytest.mark.parametrize("kind", [ExitsInStart, ExitsLater])
async def test_an_exit_in_on_start_stops_every_actor_as_one_in_a_message_does(
    kind: type[AsyncActor],
) -> None:
    async with ActorSystem() as system:
        bystander = system.start(Restarting, [])
        ref = system.start(kind)
        answer = ref.ask("hello", block=False)

        with pytest.raises(pykka.ActorDeadError):
            await answer
        await settled(system)

        assert isinstance(ref.stop_reason, Failed)
        assert bystander.stop_reason == Stopped()


async def test_a_start_that_is_cancelled_stops_the_actor() -> None:
    class Cancelled(AsyncActor):
        async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            raise asyncio.CancelledError

    async with ActorSystem() as system:
        ref = system.start(Cancelled)

        with pytest.raises(pykka.ActorDeadError):
            await ref.ask("hello", block=False)

        assert isinstance(ref.stop_reason, Failed)


async def test_a_restart_that_fails_in_init_is_tried_again() -> None:
    made: list[int] = []

    class Unmakable(AsyncActor):
        supervision: Strategy = Restart(max_restarts=3, within=100, backoff=Backoff(0))

        def __init__(self, good: int) -> None:
            super().__init__()
            made.append(len(made) + 1)
            if 1 < made[-1] < good:
                raise ValueError("init")

        def on_receive(self, message: object) -> object:
            if message == "fail":
                raise LookupError(message)
            return message

    async with ActorSystem() as system:
        ref = system.start(Unmakable, 3)
        ref.tell("fail")

        assert await ref.ask("hello", block=False) == "hello"
    assert made == [1, 2, 3]


async def test_restarts_that_always_fail_in_init_end() -> None:
    made: list[int] = []

    class Unmakable(Restarting):
        supervision: Strategy = Restart(max_restarts=3, within=100, backoff=Backoff(0))

        def __init__(self, log: list[str]) -> None:
            super().__init__(log)
            made.append(len(made) + 1)
            if made[-1] > 1:
                raise ValueError("init")

    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Unmakable, log)
        ref.tell("fail")

        with pytest.raises(pykka.ActorDeadError):
            await ref.ask("hello", block=False)

        assert isinstance(ref.stop_reason, Failed)
        assert isinstance(ref.stop_reason.error, ValueError)
    assert made == [1, 2, 3, 4]
    assert log.count("w failed with fail") == 1


async def test_a_failure_hook_that_fails_does_not_prevent_the_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Restarting):
        def on_failure(self, *_: object) -> None:
            raise ValueError("hook")

    async with ActorSystem() as system:
        ref = system.start(Broken, [])
        ref.tell("fail")

        assert await ref.ask("hello", block=False) == 1
    assert "ValueError: hook" in caplog.text


async def test_an_actor_that_stops_itself_in_on_start_handles_what_came_before() -> (
    None
):
    class Brief(AsyncActor):
        def on_start(self) -> None:
            self.stop()

        def on_receive(self, message: object) -> object:
            return message

    async with ActorSystem() as system:
        ref = system.start(Brief)
        answer = ref.ask("hello", block=False)
        await settled(system)

        assert await answer == "hello"
        assert ref.stop_reason == Stopped()


async def test_the_end_of_the_system_ends_a_backoff() -> None:
    class Slow(Worker):
        supervision: Strategy = Restart(backoff=Backoff(1_000, maximum=1_000))

    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Slow, log)
        ref.tell("fail")
        behind = ref.ask("hello", block=False)
        await asyncio.sleep(1)

    assert asyncio.get_running_loop().time() == pytest.approx(1)
    assert isinstance(ref.stop_reason, Failed)
    assert log.count("w made") == 1
    with pytest.raises(pykka.ActorDeadError):
        await behind


async def test_nothing_begins_anew_while_the_system_closes() -> None:
    log: list[str] = []

    class FailsLate(Restarting):
        async def on_receive(self, message: object) -> object:
            await asyncio.sleep(1)
            return super().on_receive(message)

    async with ActorSystem() as system:
        ref = system.start(FailsLate, log)
        ref.tell("fail")

    assert log.count("w made") == 1
    assert isinstance(ref.stop_reason, Failed)


async def test_an_actor_that_is_cut_off_says_so() -> None:
    class Stuck(AsyncActor):
        async def on_receive(self, message: object) -> None:  # noqa: ARG002 - any will do
            await asyncio.sleep(1_000)

    async with ActorSystem(drain=1) as system:
        ref = system.start(Stuck)
        ref.tell("hello")

    assert ref.stop_reason == SystemClosed()


async def test_a_new_instance_does_not_see_the_context_of_the_failure() -> None:
    seen: list[str] = []

    class Forgetful(AsyncActor):
        supervision: Strategy = AT_ONCE

        def __init__(self) -> None:
            super().__init__()
            seen.append(trace.get())

        def on_start(self) -> None:
            seen.append(trace.get())

        def on_receive(self, message: object) -> None:
            trace.set("message")
            raise LookupError(message)

    async with ActorSystem() as system:
        system.start(Forgetful).tell("fail")
        await settled(system)

    assert seen == ["nothing"] * 4


class Keyed(Worker):
    supervision: Strategy = Restart(max_restarts=2, within=10, backoff=Backoff(1))
    live = 0
    most = 0

    async def on_activate(self) -> None:
        Keyed.live += 1
        Keyed.most = max(Keyed.most, Keyed.live)
        await asyncio.sleep(0)
        self.log.append(f"{self.name} activated")

    def on_passivate(self) -> None:
        self.log.append(f"{self.name} passivated")

    def on_failure(self, *_: object) -> None:
        Keyed.live -= 1


async def test_a_keyed_actor_begins_anew_under_its_key() -> None:
    log: list[str] = []
    Keyed.live = Keyed.most = 0
    async with ActorSystem() as system:
        system.directory.register(Keyed, lambda key: Keyed(log, key))
        ref = system.directory.ref(Keyed, "a")

        ref.tell("one")
        ref.tell("fail")
        ref.tell("two")

        assert await ref.ask("three", block=False) == 2
        assert len(system.directory) == 1
    assert Keyed.most == 1
    assert log == [
        "a made", "a starts", "a activated",
        "a made", "a starts", "a activated",
        "a passivated", "a stops",
    ]  # fmt: skip


async def test_a_keyed_actor_that_fails_too_often_leaves_the_rest_to_the_next() -> None:
    log: list[str] = []
    async with ActorSystem() as system:
        system.directory.register(Keyed, lambda key: Keyed(log, key))
        ref = system.directory.ref(Keyed, "a")

        for _ in range(3):
            ref.tell("fail")

        assert await ref.ask("hello", block=False) == 1
    assert log.count("a made") == 4


async def test_a_keyed_actor_that_cannot_start_fails_its_messages() -> None:
    tries: list[int] = []
    async with ActorSystem() as system:
        system.directory.register(
            RestartsUntilStarted, lambda _: RestartsUntilStarted(tries, 100)
        )
        ref = system.directory.ref(RestartsUntilStarted, "a")

        with pytest.raises(ActivationError, match="start"):
            await ref.ask("hello", block=False)

        assert len(tries) == 5
        assert len(system.directory) == 0


async def test_a_factory_that_gives_something_else_later_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Sub(Keyed):
        pass

    made: list[Keyed] = []

    def make(key: str) -> Keyed:
        made.append(Sub([], key) if made else Keyed([], key))
        return made[-1]

    async with ActorSystem() as system:
        system.directory.register(Keyed, make)
        ref = system.directory.ref(Keyed, "a")
        ref.tell("fail")
        await settled(system)

    assert "return a new Keyed" in caplog.text


@pytest.mark.parametrize("strategy", [Escalate(), Stop(), Resume(), AT_ONCE])
async def test_every_strategy_leaves_other_actors_alone(strategy: Strategy) -> None:
    class Any(Worker):
        supervision: Strategy = strategy

    async with ActorSystem() as system:
        bystander = system.start(Worker, [])
        system.start(Any, []).tell("fail")
        await settled(system)

        assert await bystander.ask("hello", block=False) == 1


async def test_an_actor_made_by_hand_stops_in_place_of_a_restart() -> None:
    async with ActorSystem() as system:
        actor = Restarting([])
        pykka.ActorRegistry.register(actor.actor_ref)
        actor._start_actor_loop()
        ref = actor.actor_ref

        ref.tell("fail")
        await settled(system)

        assert isinstance(ref.stop_reason, Failed)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("initial", -1),
        ("initial", math.nan),
        ("initial", True),
        ("factor", 0.5),
        ("factor", "2"),
        ("maximum", math.inf),
    ],
)
def test_a_backoff_that_makes_no_sense_is_refused(setting: str, value: float) -> None:
    with pytest.raises(SupervisionSettingError, match=f"no {setting}"):
        Backoff(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("max_restarts", -1), ("max_restarts", 1.5), ("within", 0), ("backoff", 1)],
)
def test_a_restart_that_makes_no_sense_is_refused(setting: str, value: float) -> None:
    with pytest.raises(SupervisionSettingError, match=f"no {setting}"):
        Restart(**{setting: value})  # type: ignore[arg-type] # the mistake


def test_a_supervision_that_is_no_strategy_is_refused_with_its_class() -> None:
    with pytest.raises(SupervisionSettingError, match="restart"):

        class Wrong(AsyncActor):
            supervision = "restart"  # type: ignore[assignment] # the mistake


def test_a_backoff_grows_without_bounds_up_to_its_maximum() -> None:
    backoff = Backoff(0.1, factor=10, maximum=30)

    delays = [backoff.delay(failures) for failures in (0, 1, 2, 3, 10_000)]

    assert delays == pytest.approx([0.1, 1, 10, 30, 30])


async def test_a_restart_on_a_closed_system_is_refused() -> None:
    system = ActorSystem()

    with pytest.raises(SystemClosedError):
        system.start(Restarting, [])

    assert pykka.ActorRegistry.get_by_class(Restarting) == []


def test_no_pause_stays_no_pause_however_often_an_actor_fails() -> None:
    assert Backoff(0).delay(10_000) == 0


def test_a_strategy_of_a_class_of_ones_own_is_refused() -> None:
    class Mine(Restart):  # type: ignore[misc] # the mistake
        pass

    with pytest.raises(SupervisionSettingError, match="Mine"):

        class Wrong(AsyncActor):
            supervision: Strategy = Mine()


async def test_an_instance_may_choose_its_own_strategy() -> None:
    class Chooser(Worker):
        def __init__(self, log: list[str], strategy: Strategy) -> None:
            super().__init__(log)
            self.supervision = strategy

    log: list[str] = []
    async with ActorSystem() as system:
        ref = system.start(Chooser, log, AT_ONCE)

        ref.tell("fail")

        assert await ref.ask("hello", block=False) == 1
    assert log.count("w made") == 2


async def test_an_init_that_fails_again_and_again_leaves_the_loop_to_others() -> None:
    made: list[int] = []

    class Hopeless(AsyncActor):
        supervision: Strategy = AT_ONCE

        def __init__(self) -> None:
            super().__init__()
            made.append(len(made))
            if len(made) > 1:
                raise LookupError

        def on_receive(self, message: object) -> None:
            raise LookupError(message)

    async with ActorSystem() as system:
        ref = system.start(Hopeless)

        ref.tell("fail")
        seen = [len(made)]
        while ref.is_alive():
            await asyncio.sleep(0)
            seen.append(len(made))

    assert len(made) == 101
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 2
