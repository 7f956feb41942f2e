"""Every engine does what a model of it in plain Python does."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from duologue.actors import Mail, Opened
from duologue.actors.testing import virtual_loop_factory
from duologue.errors import EngineClosedError, FencedError, MailboxFullError
from tests.engines.conftest import NewEngine, idle, letter

T = TypeVar("T")


@dataclass(slots=True)
class Box:
    """A mailbox and its snapshot, as the model sees them."""

    mail: list[str] = field(default_factory=list[str])
    outside: list[str] = field(default_factory=list[str])
    snapshot: bytes | None = None
    is_leased: bool = False
    attempt: int = 0
    token: str | None = None


CAPACITY = 2
SLOTS: dict[tuple[str, ...], int] = {("x", "plain"): 1, ("y", "z"): 2}
KEYS = ("x/a", "x/b", "y/a", "z/a", "plain")
keys = st.sampled_from(KEYS)
outboxes = st.lists(keys, max_size=3)


class Machine(RuleBasedStateMachine):
    """An engine beside a model of it in plain Python."""

    def __init__(self, new_engine: NewEngine) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=virtual_loop_factory)
        self.folder = tempfile.TemporaryDirectory()
        self.engine = new_engine(Path(self.folder.name), capacity=CAPACITY)
        self.run(self.engine.__aenter__())
        self.leased: list[str] = []
        self.senders: dict[str, asyncio.Task[None]] = {}
        self.turns: list[Opened] = []
        self.names = map(str, itertools.count())
        self.served: set[tuple[str, ...]] = set()
        # What follows is the model.
        self.boxes = {key: Box() for key in KEYS}
        self.free = dict.fromkeys(SLOTS, 0)
        self.queue: list[str] = []
        self.expected: list[str] = []
        self.dead: list[str] = []
        self.is_closed = False

    def teardown(self) -> None:
        for sender in self.senders.values():
            sender.cancel()
        self.run(self.engine.__aexit__())
        self.runner.close()
        self.folder.cleanup()

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Do something, and let those senders in whom it has made room for."""

        async def main() -> T:
            try:
                return await work
            finally:
                await idle()

        return self.runner.run(main())

    def put(self, key: str, name: str) -> None:
        box = self.boxes[key]
        box.mail.append(name)
        if not box.is_leased and len(box.mail) == 1:
            self.queue.append(key)
            self.hand_out()

    def hand_out(self) -> None:
        for key in self.queue.copy():
            kinds = kinds_with(key)
            if self.free[kinds]:
                self.free[kinds] -= 1
                self.queue.remove(key)
                self.boxes[key].is_leased = True
                self.expected.append(key)

    def release(self, key: str) -> None:
        box = self.boxes[key]
        box.is_leased, box.token = False, None
        self.free[kinds_with(key)] += 1
        if box.mail:
            self.queue.append(key)
        self.hand_out()

    def pop(self, key: str) -> str:
        box = self.boxes[key]
        box.attempt = 0
        return box.mail.pop(0)

    def let_in(self, key: str) -> None:
        box = self.boxes[key]
        while box.outside and len(box.mail) < CAPACITY:
            self.put(key, box.outside.pop(0))

    def overfull(self, own: str, outbox: Sequence[str]) -> set[str]:
        """The mailboxes without room for what a turn of one of them sends."""
        incoming = Counter(outbox)
        incoming[own] -= 1  # its own mail makes room
        full: set[str] = set()
        for key, number in incoming.items():
            box = self.boxes[key]
            if 0 < number > CAPACITY - len(box.mail) - len(box.outside):
                full.add(key)
        return full

    def note(self, turn: Opened) -> None:
        """See that a turn has what it should, and remember it."""
        box = self.boxes[turn.key]
        box.attempt += 1
        box.token = turn.token
        assert turn.mail == Mail(box.mail[0], box.mail[0].encode())
        assert (turn.snapshot, turn.attempt) == (box.snapshot, box.attempt)
        assert turn.token not in [earlier.token for earlier in self.turns]
        self.turns.append(turn)

    @rule(kinds=st.sampled_from([*SLOTS]))
    def serve(self, kinds: tuple[str, ...]) -> None:
        if kinds in self.served:
            return
        self.served.add(kinds)
        self.engine.serve(kinds, SLOTS[kinds], self.leased.append)
        self.free[kinds] = SLOTS[kinds]
        self.hand_out()

    @rule(key=keys)
    def enqueue(self, key: str) -> None:
        name = next(self.names)
        work = self.engine.enqueue([letter(key, name)])
        sender = self.senders[name] = self.runner.get_loop().create_task(work)
        self.run(idle())
        box = self.boxes[key]
        if self.is_closed:
            assert isinstance(sender.exception(), EngineClosedError)
        elif len(box.mail) < CAPACITY:
            self.put(key, name)
            assert sender.result() is None
        else:
            box.outside.append(name)
            assert not sender.done()

    @rule(key=keys, data=st.data())
    def cancel(self, key: str, data: st.DataObject) -> None:
        outside = self.boxes[key].outside
        if outside:
            name = data.draw(st.sampled_from(outside))
            outside.remove(name)
            self.senders[name].cancel()

    @rule(key=keys)
    def open(self, key: str) -> None:
        turn = self.run(self.engine.open(key))

        assert (turn is not None) == self.boxes[key].is_leased
        if turn is not None:
            self.note(turn)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), changes=st.booleans(), to=outboxes, keep=st.booleans())
    def commit(
        self,
        data: st.DataObject,
        changes: bool,  # noqa: FBT001  # hypothesis draws it
        to: list[str],
        keep: bool,  # noqa: FBT001  # the same
    ) -> None:
        turn = self.draw_turn(data)
        box = self.boxes[turn.key]
        snapshot = turn.mail.body if changes else None
        outbox = [letter(key, next(self.names)) for key in to]
        work = self.engine.commit(turn, snapshot=snapshot, outbox=outbox, keep=keep)
        if box.token != turn.token:
            with pytest.raises(FencedError):
                self.run(work)
            return
        if overfull := self.overfull(turn.key, to):
            with pytest.raises(MailboxFullError) as caught:
                self.run(work)
            assert caught.value.key in overfull
            return

        following = self.run(work)

        self.pop(turn.key)
        box.snapshot = snapshot or box.snapshot
        for each in outbox:
            self.put(each.key, each.mail.id)
        if keep and box.mail:
            assert following is not None
            self.note(following)
        else:
            assert following is None
            self.release(turn.key)
        self.let_in(turn.key)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), retry=st.booleans())
    def fail(
        self,
        data: st.DataObject,
        retry: bool,  # noqa: FBT001  # the same
    ) -> None:
        turn = self.draw_turn(data)
        work = self.engine.fail(turn, error="broken", retry=retry)
        if self.boxes[turn.key].token != turn.token:
            with pytest.raises(FencedError):
                self.run(work)
            return

        self.run(work)

        if not retry:
            self.dead.append(self.pop(turn.key))
        self.release(turn.key)
        self.let_in(turn.key)

    @precondition(lambda self: len(self.senders) > 8)
    @rule()
    def close(self) -> None:
        self.engine.close()
        self.is_closed = True
        self.run(idle())
        for box in self.boxes.values():
            for name in box.outside:
                error = self.senders[name].exception()
                assert isinstance(error, EngineClosedError)
            box.outside.clear()

    @invariant()
    def is_like_the_model(self) -> None:
        snapshots = self.run(self.read())
        assert self.leased == self.expected
        assert self.engine.waiting() == sum(
            len(box.mail) for box in self.boxes.values()
        )
        assert [dead.mail.id for dead in self.engine.dead_letters()] == self.dead
        assert snapshots == [box.snapshot for box in self.boxes.values()]

    async def read(self) -> list[bytes | None]:
        return [await self.engine.read(key) for key in KEYS]

    def draw_turn(self, data: st.DataObject) -> Opened:
        """One of the last turns, that of now or one that is over."""
        return data.draw(st.sampled_from(self.turns[-4:]))


def kinds_with(key: str) -> tuple[str, ...]:
    return next(kinds for kinds in SLOTS if key.partition("/")[0] in kinds)


def test_an_engine_does_what_its_model_does(new_engine: NewEngine) -> None:
    class ItsMachine(Machine):
        def __init__(self) -> None:
            super().__init__(new_engine)

    run_state_machine_as_test(
        ItsMachine, settings=settings(max_examples=50, stateful_step_count=30)
    )
