"""What Pykka says of actors, refs, proxies and its registry holds on a loop too."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import TracebackType

import pykka
import pytest
from pykka._envelope import Envelope

from duologue.actors import AsyncActor
from duologue.errors import BlockingCallError, OwnEndError

pytestmark = pytest.mark.usefixtures("everyone_stops")


class Account(AsyncActor):
    """Handlers and methods of both kinds, and a record of its hooks."""

    def __init__(self, balance: int = 0) -> None:
        super().__init__()
        self.balance = balance
        self.events: list[str] = []
        self.failed = threading.Event()

    def on_start(self) -> None:
        self.events.append("start")

    async def on_stop(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
        self.events.append("stop")

    async def on_failure(  # type: ignore[override] # a coroutine, as AsyncActor allows
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert exception_type is not None
        assert exception_value is not None
        assert traceback is not None
        self.events.append(exception_type.__name__)
        self.failed.set()

    def on_receive(self, message: object) -> object:
        if message == "fail":
            raise LookupError(message)
        if message == "exit":
            raise SystemExit
        return message

    def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    async def withdraw(self, amount: int) -> int:
        if amount > self.balance:
            raise ValueError(amount)
        self.balance -= amount
        return self.balance

    def later(self) -> pykka.Future[int]:
        future: pykka.Future[int] = pykka.ThreadingFuture()
        future.set(7)
        return future


def test_a_started_actor_is_alive_and_registered() -> None:
    ref = Account.start()

    assert ref.is_alive()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert pykka.ActorRegistry.get_by_class(Account) == [ref]
    assert pykka.ActorRegistry.get_by_class_name("Account") == [ref]


def test_a_urn_is_unique_and_stays() -> None:
    one, two = Account.start(), Account.start()

    assert one.actor_urn.startswith("urn:uuid:")
    assert one.actor_urn == one.actor_urn
    assert one.actor_urn != two.actor_urn


def test_ask_gives_the_answer_to_a_thread() -> None:
    ref = Account.start()

    assert ref.ask("hello") == "hello"


def test_ask_raises_what_the_handler_raised_and_the_actor_lives_on() -> None:
    ref = Account.start()

    with pytest.raises(LookupError):
        ref.ask("fail")

    assert ref.ask("hello") == "hello"


def test_a_proxy_reads_writes_and_calls() -> None:
    proxy = Account.start(balance=10).proxy()

    proxy.balance = 20

    assert proxy.balance.get() == 20
    assert proxy.deposit(5).get() == 25
    assert proxy.withdraw(20).get() == 5


def test_an_exception_of_a_coroutine_method_reaches_the_caller() -> None:
    proxy = Account.start().proxy()

    with pytest.raises(ValueError, match="1"):
        proxy.withdraw(1).get()


def test_a_method_that_returns_a_future_answers_with_the_future() -> None:
    proxy = Account.start().proxy()

    assert proxy.later().get().get() == 7


def test_stop_comes_after_the_messages_before_it() -> None:
    ref = Account.start()
    answers = [ref.ask(number, block=False) for number in range(50)]

    stopped = ref.stop()

    assert stopped
    assert [answer.get() for answer in answers] == list(range(50))
    assert not ref.is_alive()
    assert not ref.stop()


def test_hooks_run_once_in_their_order() -> None:
    ref = Account.start()
    events = ref.proxy().events.get()

    ref.stop()

    assert events == ["start", "stop"]


def test_a_dead_actor_refuses_messages() -> None:
    ref = Account.start()
    ref.stop()

    with pytest.raises(pykka.ActorDeadError):
        ref.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello")
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()


def test_a_failed_tell_runs_on_failure_and_stops_the_actor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ref = Account.start()
    events = ref.proxy().events.get()
    failed = ref.proxy().failed.get()

    with caplog.at_level(logging.CRITICAL, "pykka"):
        ref.tell("fail")
        stopped = ref.actor_stopped.wait(30)

    assert stopped
    assert failed.wait(30)
    assert not ref.stop()
    assert "LookupError" in events
    assert "stop" not in events
    assert ref not in pykka.ActorRegistry.get_all()


def test_a_system_exit_stops_every_actor() -> None:
    culprit, bystander = Account.start(), Account.start()

    culprit.tell("exit")

    assert culprit.actor_stopped.wait(30)
    assert bystander.actor_stopped.wait(30)


def test_it_lives_beside_actors_with_threads_of_their_own() -> None:
    class Clerk(pykka.ThreadingActor):
        def __init__(self, account: pykka.ActorRef[Account]) -> None:
            super().__init__()
            self._account = account

        def on_receive(self, message: object) -> object:
            return self._account.ask(message)

    clerk = Clerk.start(Account.start())

    assert clerk.ask("hello", timeout=30) == "hello"


def test_messages_of_init_wait_for_the_start() -> None:
    class Eager(AsyncActor):
        def __init__(self) -> None:
            super().__init__()
            self.events: list[object] = []
            self.actor_ref.tell("first")

        async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            self.events.append("start")

        def on_receive(self, message: object) -> None:
            self.events.append(message)

    ref = Eager.start()

    assert ref.proxy().events.get() == ["start", "first"]


def test_an_actor_whose_start_fails_is_dead(caplog: pytest.LogCaptureFixture) -> None:
    class Stillborn(AsyncActor):
        async def on_start(self) -> None:  # type: ignore[override] # a coroutine, as AsyncActor allows
            raise LookupError

    with caplog.at_level(logging.CRITICAL, "pykka"):
        ref = Stillborn.start()
        stopped = ref.actor_stopped.wait(30)

    assert stopped
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello")


def test_a_waiting_call_inside_an_actor_is_refused_before_it_is_sent() -> None:
    class Naive(AsyncActor):
        def __init__(self, other: pykka.ActorRef[Account]) -> None:
            super().__init__()
            self._other = other

        def on_receive(self, message: object) -> object:  # noqa: ARG002 - any will do
            return self._other.proxy().deposit(1).get()

        def stop_it(self) -> bool:
            return self._other.stop(block=True)

    account = Account.start()
    naive = Naive.start(account)

    with pytest.raises(BlockingCallError, match="await"):
        naive.ask("hello")
    with pytest.raises(BlockingCallError, match=r"stop\(block=False\)"):
        naive.proxy().stop_it().get()
    assert account.is_alive()


class Suicidal(AsyncActor):
    """Waits for its own end, in several ways."""

    async def on_receive(self, message: object) -> object:
        if message == "pause first":
            await asyncio.sleep(0)
        if message == "block":
            return self.actor_ref.stop(block=True)
        if message == "do not wait":
            _stopping = self.actor_ref.stop(block=False)
            return "stopping"
        return await self.actor_ref.stop(block=False)


@pytest.mark.parametrize("message", ["at once", "pause first", "block"])
def test_an_actor_that_waits_for_its_own_end_is_told_to_return(message: str) -> None:
    ref = Suicidal.start()

    with pytest.raises(OwnEndError, match=r"call `self.stop\(\)` and return"):
        ref.ask(message, timeout=30)


def test_an_actor_may_ask_itself_to_stop_without_waiting() -> None:
    ref = Suicidal.start()

    assert ref.ask("do not wait", timeout=30) == "stopping"
    assert ref.actor_stopped.wait(30)


def test_a_handler_that_cannot_wait_is_told_how_its_actor_stops() -> None:
    class Plain(AsyncActor):
        def on_receive(self, message: object) -> object:
            return self.actor_ref.stop(block=message == "block")

    with pytest.raises(BlockingCallError, match=r"`self.stop\(\)`"):
        Plain.start().ask("block", timeout=30)


def test_the_registry_keeps_its_order_and_its_other_actors() -> None:
    class Other(pykka.ThreadingActor):
        pass

    first, second, third, fourth = (
        kind.start() for kind in (Other, Account, Other, Account)
    )

    second.stop()

    assert pykka.ActorRegistry.get_all() == [first, third, fourth]


def test_many_threads_start_and_stop_actors_at_once() -> None:
    alive: list[bool] = []

    def churn() -> None:
        for number in range(50):
            ref = Account.start(number)
            ref.ask("hello")
            alive.append(ref.stop(block=True))

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert alive == [True] * 200
    assert pykka.ActorRegistry.get_by_class(Account) == []


def test_an_unexpected_message_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Mute(AsyncActor):
        pass

    ref = Mute.start()

    with caplog.at_level(logging.WARNING, "pykka"):
        answer = ref.ask("hello")

    assert answer is None
    assert "Unexpected message" in caplog.text


def test_waiting_for_a_live_actor_to_stop_ends_in_time() -> None:
    ref = Account.start()

    stopped_early = ref.actor_stopped.wait(0.001)
    ref.stop()

    assert not stopped_early
    assert ref.actor_stopped.wait(30)


def test_messages_on_their_way_while_an_actor_stops_are_answered() -> None:
    ref = Account.start()
    ref.stop()
    late: pykka.Future[object] = pykka.ThreadingFuture()

    ref.actor_inbox.put(Envelope("late", reply_to=late))

    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=30)
