"""What a program gets that makes no sense: an error at once that says what to do."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, cast

import pykka
import pytest

from duologue.actors import (
    ActorSystem,
    AsyncActor,
    AsyncFuture,
    Bounded,
    DeadLetter,
    SystemClosed,
)
from duologue.errors import (
    ActivationError,
    ActorInitError,
    DeadLetterHookError,
    DrainTimeError,
    HostCountError,
    LocalRefError,
    MailboxSettingError,
    NoActorClassError,
    SystemClosedError,
)


class Echo(AsyncActor):
    def on_receive(self, message: object) -> object:
        return message


class Parent(AsyncActor):
    """Starts what it is given as a child."""

    def on_receive(self, message: object) -> object:
        return self.start_child(cast("type[Echo]", message))  # whatever it is


class Hasty(AsyncActor):
    def __init__(self, key: str = "") -> None:  # and no super().__init__()
        self.key = key


class Eager(AsyncActor):
    def __init__(self) -> None:
        self.me = self.actor_ref
        super().__init__()


async def _on_letter(letter: DeadLetter) -> None:
    raise AssertionError(letter)


class Box:
    async def __call__(self, letter: DeadLetter) -> None:
        raise AssertionError(letter)


# A system


@pytest.mark.parametrize(
    "drain", [-1, float("nan"), float("inf"), "10", None, True], ids=repr
)
def test_a_system_drains_for_a_number_of_seconds(drain: object) -> None:
    with pytest.raises(DrainTimeError, match="drain= a finite number") as caught:
        ActorSystem(drain=drain)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point

    assert caught.value.drain == repr(drain)


@pytest.mark.parametrize("hosts", [1.5, "2", None, True], ids=repr)
def test_a_system_has_a_whole_number_of_hosts(hosts: object) -> None:
    with pytest.raises(HostCountError, match=r"hosts=1 is") as caught:
        ActorSystem(hosts=hosts)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point

    assert caught.value.hosts == repr(hosts)


@pytest.mark.parametrize(
    "hook",
    [3, _on_letter, Box(), functools.partial(_on_letter)],
    ids=["no function", "async def", "async __call__", "partial of async def"],
)
def test_a_hook_for_dead_letters_that_nobody_could_await_is_refused(
    hook: object,
) -> None:
    with pytest.raises(DeadLetterHookError, match="plain function"):
        ActorSystem(on_dead_letter=hook)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point


async def test_a_coroutine_that_such_a_hook_returns_is_closed_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[object] = []

    def hook(letter: DeadLetter) -> object:
        made.append(_on_letter(letter))
        return made[-1]

    async with ActorSystem(on_dead_letter=hook) as system:
        ref = Echo.start()
        await ref.stop(block=False)
        with pytest.raises(pykka.ActorDeadError):
            ref.tell("late")
        await system.settled()

    assert [inspect.getcoroutinestate(each) for each in made] == [inspect.CORO_CLOSED]  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # they are coroutines
    assert "on_dead_letter failed for Echo" in caplog.text
    assert "never awaited" in caplog.text


# A class


def test_an_actor_that_forgets_its_base_says_so_at_its_start() -> None:
    with pytest.raises(ActorInitError, match=r"Hasty.*super\(\).__init__\(\)"):
        Hasty.start()

    assert not pykka.ActorRegistry.get_by_class(Hasty)


def test_an_actor_that_is_too_early_for_its_ref_says_so() -> None:
    with pytest.raises(ActorInitError, match="first line"):
        Eager.start()


async def test_an_actor_that_forgets_its_base_cannot_be_activated() -> None:
    async with ActorSystem() as system:
        system.directory.register(Hasty, Hasty)
        hasty = system.directory.ref(Hasty, "a")

        with pytest.raises(ActivationError, match="ActorInitError") as caught:
            await hasty.ask(1, block=False)

    assert isinstance(caught.value.__cause__, ActorInitError)


@pytest.mark.parametrize("what", ["Echo", None, Box])
async def test_what_is_no_class_of_actors_is_not_started(what: type[Echo]) -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent)

        with pytest.raises(NoActorClassError, match=r"system.start\(\) cannot take"):
            system.start(what)
        with pytest.raises(NoActorClassError, match=r"start_child\(\) cannot take"):
            await parent.ask(what, block=False)
        with pytest.raises(NoActorClassError, match=r"directory.register\(\) cannot"):
            system.directory.register(what, lambda _key: Echo())


async def test_an_actor_is_no_class_of_actors() -> None:
    async with ActorSystem() as system:
        made = Echo()

        with pytest.raises(NoActorClassError, match="the class itself"):
            system.start(made)  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue] # that is the point


@pytest.mark.real_time
async def test_an_actor_in_a_thread_of_its_own_is_nobodys_child() -> None:
    async with ActorSystem() as system:
        parent = system.start(Parent)

        with pytest.raises(NoActorClassError, match="ThreadingActor"):
            await parent.ask(pykka.ThreadingActor, block=False)

    assert not pykka.ActorRegistry.get_by_class(pykka.ThreadingActor)


# A sender


@pytest.mark.parametrize("seconds", ["1", float("nan")], ids=repr)
async def test_who_waits_for_room_waits_for_a_number_of_seconds(seconds: float) -> None:
    class Full(Echo):
        mailbox: ClassVar[Bounded | None] = Bounded(1)

    async with ActorSystem() as system:
        ref = system.start(Full)
        ref.tell("takes the room")

        with pytest.raises(MailboxSettingError, match="timeout cannot be"):
            await ref.send("hello", timeout=seconds)

        await system.settled()
        assert system.dead_letters == 0


@pytest.mark.real_time
@pytest.mark.parametrize("seconds", ["1", float("nan")], ids=repr)
async def test_a_thread_that_waits_for_room_waits_for_a_number_of_seconds(
    seconds: float,
) -> None:
    class Full(Echo):
        mailbox: ClassVar[Bounded | None] = Bounded(1)

        async def on_receive(self, message: object) -> object:
            if not begun.done():
                begun.set_result(None)
            await let_go
            return message

    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    let_go: AsyncFuture[None] = AsyncFuture()
    async with ActorSystem() as system:
        ref = system.start(Full)
        ref.tell("is handled")
        await begun
        ref.tell("takes the room")

        with pytest.raises(MailboxSettingError, match="timeout cannot be"):
            await asyncio.to_thread(lambda: ref.tell("hello", timeout=seconds))
        with pytest.raises(MailboxSettingError, match="timeout cannot be"):
            await asyncio.to_thread(lambda: ref.ask("hello", timeout=seconds))

        let_go.set()


# A loop that is closed


def test_who_waits_behind_one_that_hangs_gets_an_error_when_the_loop_is_closed() -> (
    None
):
    class Hanging(AsyncActor):
        async def on_receive(self, message: object) -> None:
            await asyncio.Event().wait()
            raise AssertionError(message)

    loop = asyncio.new_event_loop()
    system = ActorSystem()
    loop.run_until_complete(system.__aenter__())
    ref = system.start(Hanging)
    ref.tell("hangs")
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))
    behind: AsyncFuture[object] = ref.ask("behind", block=False)

    loop.close()

    with pytest.raises(SystemClosedError):
        behind.get(timeout=10)
    assert ref.stop_reason == SystemClosed()


# Refs


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
async def test_a_copy_of_a_ref_is_the_ref(
    duplicate: Callable[[object], object],
) -> None:
    async with ActorSystem() as system:
        system.directory.register(Echo, lambda _key: Echo())
        for ref in (Echo.start(), system.directory.ref(Echo, "a")):
            assert duplicate(ref) is ref
            assert copy.deepcopy({"reply to": [ref]}) == {"reply to": [ref]}


async def test_a_ref_stays_in_its_process() -> None:
    async with ActorSystem() as system:
        system.directory.register(Echo, lambda _key: Echo())
        for ref in (Echo.start(), system.directory.ref(Echo, "a")):
            with pytest.raises(LocalRefError, match="send a key instead") as caught:
                pickle.dumps({"reply to": ref})
            assert caught.value.ref == str(ref)


# The log


_FAILS = """
    {first}
    from duologue.actors import AsyncActor

    class Fails(AsyncActor):
        def on_receive(self, message):
            raise LookupError(message)

    Fails.start().tell("nobody is told")
"""


@pytest.mark.parametrize(
    ("first", "is_shown"),
    [("", False), ("import logging; logging.basicConfig()", True)],
    ids=["without logging", "with logging"],
)
def test_a_failure_is_shown_by_a_program_that_has_set_up_logging(
    first: str, *, is_shown: bool, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(_FAILS).format(first=first), "utf-8")

    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert ("LookupError: nobody is told" in done.stderr) is is_shown
