"""Hooks that raise are logged, and never take more with them than their actor."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType

import pykka
import pytest

from duologue.actors import ActorSystem, AsyncActor
from duologue.errors import ActivationError


class Fragile(AsyncActor):
    """Raises in the hooks that it is told to, in a coroutine or before it."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self._broken = broken

    def _break(self, hook: str) -> None:
        if hook in self._broken:
            raise LookupError(hook)

    async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        await asyncio.sleep(1)
        self._break("start")

    async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        await asyncio.sleep(1)
        self._break("stop")

    async def on_activate(self) -> None:
        await asyncio.sleep(1)
        self._break("activate")

    async def on_passivate(self) -> None:
        await asyncio.sleep(1)
        self._break("passivate")

    async def on_failure(  # type: ignore[override] # a coroutine, as AsyncActor allows
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del exception_type, exception_value, traceback
        await asyncio.sleep(1)
        self._break("failure")

    def on_receive(self, message: object) -> object:
        if message == "fail":
            raise LookupError(message)
        if message == "exit":
            raise SystemExit
        return message


class Brittle(AsyncActor):
    """As `Fragile`, with hooks that are no coroutines."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self._broken = broken

    def _break(self, hook: str) -> None:
        if hook in self._broken:
            raise LookupError(hook)

    def on_start(self) -> None:
        self._break("start")

    def on_stop(self) -> None:
        self._break("stop")

    def on_activate(self) -> None:
        self._break("activate")

    def on_passivate(self) -> None:
        self._break("passivate")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del exception_type, exception_value, traceback
        self._break("failure")

    def on_receive(self, message: object) -> object:
        if message == "fail":
            raise LookupError(message)
        return message


@pytest.mark.parametrize("kind", [Fragile, Brittle])
async def test_a_start_that_fails_answers_what_waits(
    kind: type[Fragile | Brittle], caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        ref = system.start(kind, "start")

        with pytest.raises(pykka.ActorDeadError):
            await ref.ask("hello", block=False)

    assert "LookupError: start" in caplog.text


@pytest.mark.parametrize("kind", [Fragile, Brittle])
async def test_a_stop_that_fails_stops_all_the_same(
    kind: type[Fragile | Brittle], caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        ref = system.start(kind, "stop")

        assert await ref.stop(block=False)
        assert not ref.is_alive()

    assert "LookupError: stop" in caplog.text


@pytest.mark.parametrize("kind", [Fragile, Brittle])
async def test_a_failure_hook_that_fails_is_logged_as_well(
    kind: type[Fragile | Brittle], caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        ref = system.start(kind, "failure")
        ref.tell("fail")
        await system.settled()

        assert not ref.is_alive()

    assert "LookupError: fail" in caplog.text
    assert "LookupError: failure" in caplog.text


@pytest.mark.parametrize("kind", [Fragile, Brittle])
@pytest.mark.parametrize("hook", ["start", "activate"])
async def test_a_first_hook_that_fails_fails_the_activation(
    kind: type[Fragile | Brittle], hook: str
) -> None:
    async with ActorSystem() as system:
        system.directory.register(kind, lambda _: kind(hook))

        with pytest.raises(ActivationError, match=hook):
            await system.directory.ref(kind, "a").ask("hello", block=False)

        assert len(system.directory) == 0


@pytest.mark.parametrize("kind", [Fragile, Brittle])
async def test_a_passivation_that_fails_lets_the_next_actor_come(
    kind: type[Fragile | Brittle], caplog: pytest.LogCaptureFixture
) -> None:
    async with ActorSystem() as system:
        system.directory.register(kind, lambda _: kind("passivate"))
        ref = system.directory.ref(kind, "a")
        ref.tell("hello")
        gone = ref.passivate()
        answer = ref.ask("again", block=False)

        assert await gone
        assert await answer == "again"

    assert "LookupError: passivate" in caplog.text


async def test_asking_a_key_to_go_before_its_actor_has_come() -> None:
    async with ActorSystem() as system:
        system.directory.register(Fragile, lambda _: Fragile())
        ref = system.directory.ref(Fragile, "a")
        answer = ref.ask("hello", block=False)

        gone = ref.passivate()

        assert await answer == "hello"
        assert await gone
        assert len(system.directory) == 0


async def test_a_factory_must_return_the_right_actor() -> None:
    async with ActorSystem() as system:
        system.directory.register(Brittle, lambda _: Brittle.start())  # type: ignore[arg-type, return-value] # the mistake
        ref = system.directory.ref(Brittle, "a")
        answer = ref.ask("hello", block=False)
        gone = ref.passivate()

        with pytest.raises(ActivationError, match="has not been started"):
            await answer
        assert not await gone


async def test_an_exit_in_the_middle_answers_the_sender() -> None:
    async with ActorSystem() as system:
        ref = system.start(Fragile)
        bystander = system.start(Brittle)

        with pytest.raises(pykka.ActorDeadError, match="while handling"):
            await ref.ask("exit", block=False)
        await system.settled()

        assert not bystander.is_alive()


async def test_a_start_that_is_cut_off_fails_its_messages(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Slow(AsyncActor):
        async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            await asyncio.sleep(1_000)

        async def on_passivate(self) -> None:
            await asyncio.sleep(1_000)

    caplog.set_level(logging.CRITICAL)
    async with ActorSystem(drain=1) as system:
        plain = system.start(Slow).ask("hello", block=False)
        system.directory.register(Slow, lambda _: Slow())
        keyed = system.directory.ref(Slow, "a").ask("hello", block=False)

    with pytest.raises(pykka.ActorDeadError):
        await plain
    with pytest.raises(Exception, match="a"):
        await keyed


async def test_a_passivation_that_is_cut_off_ends_the_actor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Clinging(AsyncActor):
        async def on_passivate(self) -> None:
            await asyncio.sleep(1_000)

        def on_receive(self, message: object) -> object:
            return message

    caplog.set_level(logging.CRITICAL)
    async with ActorSystem(drain=1) as system:
        system.directory.register(Clinging, lambda _: Clinging())
        await system.directory.ref(Clinging, "a").ask("hello", block=False)

    assert len(system.directory) == 0
    assert pykka.ActorRegistry.get_by_class(Clinging) == []


async def test_the_registry_can_be_emptied_by_hand() -> None:
    async with ActorSystem() as system:
        ref = system.start(Brittle)

        pykka.ActorRegistry.unregister(ref)
        pykka.ActorRegistry.unregister(ref)
        registered = pykka.ActorRegistry.get_by_class(Brittle)
        pykka.ActorRegistry.register(ref)

    assert registered == []
    assert not ref.is_alive()


class UnhookedError(BaseException):
    """No `Exception`: it stops every actor."""


@pytest.mark.parametrize("hook", ["stop", "failure"])
async def test_a_last_hook_that_stops_everyone_ends_its_actor_too(hook: str) -> None:
    calls: list[str] = []

    class Drastic(AsyncActor):
        def on_stop(self) -> None:
            calls.append("stop")
            raise UnhookedError

        def on_failure(self, *_: object) -> None:
            calls.append("failure")
            raise UnhookedError

        def on_receive(self, message: object) -> None:
            raise LookupError(message)

    async with ActorSystem() as system:
        ref, other = system.start(Drastic), system.start(Brittle)
        if hook == "failure":
            ref.tell("fail")
        behind = ref.stop(block=False)

        assert await behind
        await system.settled()

        assert calls == [hook]
        assert not other.is_alive()
        assert await ref.kill(block=False) is False


async def test_an_exit_whose_on_stop_fails_as_badly_stops_everyone() -> None:
    class Drastic(AsyncActor):
        def on_stop(self) -> None:
            raise UnhookedError

        def on_receive(self, message: object) -> None:
            raise SystemExit(message)

    async with ActorSystem() as system:
        ref, other = system.start(Drastic), system.start(Brittle)

        answer = ref.ask("exit", block=False)

        with pytest.raises(pykka.ActorDeadError):
            await answer
        await system.settled()
        assert not ref.is_alive()
        assert not other.is_alive()
