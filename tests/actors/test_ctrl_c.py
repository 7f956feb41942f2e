"""Ctrl-C in the middle of a send does not break the actor, nor its host."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import ClassVar

import pykka
import pytest

from duologue.actors import AsyncActorRef, Bounded
from tests.actors.conftest import Echo

# More steps than any send has.
STEPS = 60


class Rejecting(Echo):
    mailbox: ClassVar[Bounded | None] = Bounded(1_000, "reject")


class Waiting(Echo):
    mailbox: ClassVar[Bounded | None] = Bounded(1_000)


@pytest.fixture(autouse=True)
def _stop_all() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


@pytest.mark.parametrize("actor_class", [Echo, Rejecting, Waiting])
def test_ctrl_c_in_the_middle_of_a_send_leaves_an_actor_that_can_be_asked(
    actor_class: type[Echo],
    between_steps: Callable[[Callable[[], object]], AbstractContextManager[None]],
) -> None:
    ref: AsyncActorRef[Echo] = actor_class.start()

    for steps in range(STEPS):
        with suppress(KeyboardInterrupt), between_steps(_ctrl_c_after(steps)):
            ref.tell("interrupted")

        assert ref.ask("hello", timeout=10) == "hello"


def _ctrl_c_after(steps: int) -> Callable[[], None]:
    left = iter(range(steps))

    def interrupt() -> None:
        if next(left, None) is None and not _leaves_a_block():
            raise KeyboardInterrupt

    return interrupt


def _leaves_a_block() -> bool:
    """Whether the step is the end of a `with`: there Python looks for no signal."""
    frame = inspect.currentframe()
    for _ in range(3):  # this function, the one above, and the tracer
        assert frame is not None
        frame = frame.f_back
    assert frame is not None
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return line.lstrip().startswith("with ")
