"""What type checkers know of asks; never run, every line is a statement to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from duologue.actors import (
    ActorSystem,
    Ask,
    AsyncActor,
    AsyncActorRef,
    AsyncFuture,
    KeyedRef,
)


@dataclass(frozen=True, slots=True)
class Balance(Ask[int]):
    """How much there is."""


@dataclass(frozen=True, slots=True)
class Owners(Ask[list[str]]):
    """Who has more than so much."""

    at_least: int


@dataclass(frozen=True, slots=True)
class Deposit:
    """Add something; answered with whatever it is answered with."""

    amount: int


class Account(AsyncActor):
    """Answers them."""

    def on_receive(self, message: Balance | Owners | Deposit) -> object:
        return message


def what_an_answer_is(ref: AsyncActorRef[Account]) -> None:
    assert_type(Account.start(), AsyncActorRef[Account])
    assert_type(Account.start().ask(Balance()), int)
    assert_type(ref.ask(Balance()), int)
    assert_type(ref.ask(Balance(), timeout=5), int)
    assert_type(ref.ask(Balance(), block=True, timeout=5), int)
    assert_type(ref.ask(Owners(5)), list[str])


async def what_an_awaited_answer_is(ref: AsyncActorRef[Account]) -> None:
    future = ref.ask(Balance(), block=False)
    awaited = await future
    assert_type([future], list[AsyncFuture[int]])
    assert_type(awaited, int)
    assert_type(await ref.ask(Balance(), block=False), int)
    assert_type(await ref.ask(Owners(5), block=False), list[str])
    assert_type(await ref.ask(Balance(), block=False).map(str), str)
    assert_type(await ref.stop(block=False), bool)


async def what_a_key_answers(ref: KeyedRef[Account]) -> None:
    assert_type(ref.ask(Balance()), int)
    assert_type(await ref.ask(Owners(5), block=False), list[str])


def what_a_system_starts(system: ActorSystem) -> None:
    assert_type(system.start(Account), AsyncActorRef[Account])
    assert_type(system.start(Account).ask(Balance()), int)


def what_is_not_known(ref: AsyncActorRef[Account], *, is_patient: bool) -> None:
    assert_type(ref.ask(Deposit(5)), Any)
    _ = assert_type(ref.ask(Deposit(5), block=False), AsyncFuture[Any])
    assert_type(ref.ask(Balance(), block=is_patient), Any)


def what_is_an_error(ref: AsyncActorRef[Account], key: KeyedRef[Account]) -> None:
    text: str = ref.ask(Balance())  # type: ignore[assignment] # pyright: ignore[reportAssignmentType] # it is an int
    future = key.ask(Balance(), block=False)
    texts: AsyncFuture[str] = future  # type: ignore[assignment] # pyright: ignore[reportAssignmentType] # of an int
    ref.ask(Balance(), 5)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue] # by its name
    Owners()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] # a message keeps its own fields
    print(text, texts)  # noqa: T201 # they are used
