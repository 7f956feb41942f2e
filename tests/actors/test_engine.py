"""What every engine promises; the suite runs for each of them."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from duologue.actors import Engine, Letter, Mail, MemoryEngine, Opened
from duologue.actors.testing import virtual_loop_factory
from duologue.errors import (
    EngineClosedError,
    FencedError,
    MailboxFullError,
    SnapshotTooLargeError,
)

T = TypeVar("T")


class MakeEngine(Protocol):
    def __call__(
        self,
        *,
        capacity: int = 1000,
        max_snapshot: int = 1000,
        max_dead_letters: int = 1000,
    ) -> Engine: ...


ENGINES = [pytest.param(MemoryEngine, id="memory")]
on_every_engine = pytest.mark.parametrize("make", ENGINES)

A, B, C = "x/a", "x/b", "x/c"


def letter(key: str, name: str) -> Letter:
    return Letter(key, Mail(name, name.encode()))


async def idle() -> None:
    """Return when every task waits for something that has yet to happen."""
    await asyncio.sleep(1)


class Desk:
    """Serves some kinds of an engine and collects the keys that it leases."""

    def __init__(self, engine: Engine, *kinds: str, slots: int = 100) -> None:
        self.engine = engine
        self._keys: list[str] = []
        engine.serve(kinds or ("x",), slots, self._keys.append)

    async def leased(self) -> list[str]:
        """The keys that have been leased since the last look."""
        await idle()
        keys = self._keys.copy()
        self._keys.clear()
        return keys

    async def begin(self, key: str = A) -> Opened:
        """Open the one key that has been leased."""
        assert await self.leased() == [key]
        return await self.open(key)

    async def open(self, key: str = A) -> Opened:
        turn = await self.engine.open(key)
        assert turn is not None
        return turn

    async def rest(self) -> list[str]:
        """Handle what is left until nothing comes any more, and tell what it was."""
        names: list[str] = []
        while keys := await self.leased():
            for key in keys:
                turn: Opened | None = await self.open(key)
                while turn is not None:
                    names.append(turn.mail.id)
                    turn = await self.engine.commit(turn, snapshot=None, keep=True)
        return names


async def desk(engine: Engine, *names: str, slots: int = 100) -> Desk:
    """A desk for an engine whose mailbox A has some mail."""
    for name in names:
        await engine.enqueue([letter(A, name)])
    return Desk(engine, slots=slots)


@on_every_engine
async def test_mail_is_opened_with_its_id_and_body(make: MakeEngine) -> None:
    engine = make()

    await engine.enqueue([Letter(A, Mail("m1", b"\x00 body"))])
    turn = await Desk(engine).begin()

    assert turn.key == A
    assert turn.mail == Mail("m1", b"\x00 body")
    assert turn.snapshot is None
    assert turn.attempt == 1


@on_every_engine
async def test_keys_are_leased_longest_waiting_first_up_to_the_slots(
    make: MakeEngine,
) -> None:
    engine = make()
    for key in (C, A, B, C, A):
        await engine.enqueue([letter(key, "1")])

    desk = Desk(engine, slots=2)
    first = await desk.leased()
    await engine.commit(await desk.open(A), snapshot=None, keep=True)
    while_kept = await desk.leased()
    await engine.commit(await desk.open(C), snapshot=None)

    assert first == [C, A]
    assert while_kept == []
    assert await desk.leased() == [B]


@on_every_engine
async def test_kinds_that_are_served_together_share_their_slots_and_the_order(
    make: MakeEngine,
) -> None:
    engine = make()
    for key in ("y/1", "x/1", "y/2", "plain", "other/1", "x/2"):
        await engine.enqueue([letter(key, "1")])
    desk = Desk(engine, "x", "y", "plain", slots=1)
    order: list[str] = []

    while keys := await desk.leased():
        order += keys
        await engine.commit(await desk.open(keys[0]), snapshot=None)

    assert order == ["y/1", "x/1", "y/2", "plain", "x/2"]


@on_every_engine
async def test_mail_waits_until_its_kind_is_served(make: MakeEngine) -> None:
    engine = make()
    first = Desk(engine, "x")

    await engine.enqueue([letter("y/1", "1")])
    early = await first.leased()
    second = Desk(engine, "y")

    assert early == []
    assert await second.leased() == ["y/1"]
    await engine.enqueue([letter("x/1", "1")])
    assert (await first.leased(), await second.leased()) == (["x/1"], [])


@on_every_engine
async def test_a_key_without_mail_or_lease_is_not_opened(make: MakeEngine) -> None:
    engine = make()
    one = await desk(engine, "1", slots=1)
    await engine.enqueue([letter(B, "1")])

    waits_for_a_slot = await engine.open(B)
    await engine.commit(await one.begin(), snapshot=None)

    assert waits_for_a_slot is None
    assert await engine.open(A) is None
    assert await engine.open("never heard of") is None
    assert await one.rest() == ["1"]


@on_every_engine
async def test_a_commit_writes_the_snapshot_and_removes_the_mail(
    make: MakeEngine,
) -> None:
    engine = make()
    some = await desk(engine, "1", "2", "3")

    await engine.commit(await some.begin(), snapshot=b"one")
    turn = await some.begin()
    await engine.commit(turn, snapshot=None)

    assert turn.snapshot == b"one"
    assert turn.mail.id == "2"
    assert await engine.read(A) == b"one"
    assert await engine.read(B) is None


@on_every_engine
async def test_a_commit_that_keeps_the_key_begins_the_next_turn(
    make: MakeEngine,
) -> None:
    engine = make()
    some = await desk(engine, "1", "2")
    first = await some.begin()

    second = await engine.commit(first, snapshot=b"one", keep=True)

    assert second is not None
    assert (second.mail.id, second.snapshot, second.attempt) == ("2", b"one", 1)
    assert second.token != first.token
    assert await engine.commit(second, snapshot=None, keep=True) is None
    await engine.enqueue([letter(A, "3")])
    assert (await some.begin()).mail.id == "3"


@on_every_engine
@pytest.mark.parametrize("full", [A, B])
async def test_a_commit_whose_outbox_does_not_fit_changes_nothing(
    make: MakeEngine, full: str
) -> None:
    engine = make(capacity=2)
    some = await desk(engine, "1", "2")
    turn = await some.begin()
    await engine.enqueue([letter(B, "x")])
    outbox = [letter(C, "y"), letter(full, "3"), letter(full, "4")]

    with pytest.raises(MailboxFullError) as caught:
        await engine.commit(turn, snapshot=b"one", outbox=outbox)

    assert (caught.value.key, caught.value.capacity) == (full, 2)
    assert await engine.read(A) is None
    assert await some.leased() == [B]
    following = await engine.commit(turn, snapshot=b"two", keep=True)
    assert following is not None
    assert following.mail.id == "2"


@on_every_engine
async def test_a_commit_may_fill_the_place_that_its_own_mail_leaves(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    some = await desk(engine, "1")
    turn = await some.begin()

    async with asyncio.TaskGroup() as group:
        sender = group.create_task(engine.enqueue([letter(A, "3")]))
        await idle()
        await engine.commit(turn, snapshot=None, outbox=[letter(A, "2")])
        await idle()
        was_waiting = not sender.done()
        order = await some.rest()

    assert was_waiting
    assert order == ["2", "3"]


@on_every_engine
async def test_a_snapshot_over_the_limit_changes_nothing(make: MakeEngine) -> None:
    engine = make(max_snapshot=3)
    some = await desk(engine, "1")
    turn = await some.begin()

    with pytest.raises(SnapshotTooLargeError) as caught:
        await engine.commit(turn, snapshot=b"1234", outbox=[letter(B, "x")])

    assert (caught.value.size, caught.value.limit) == (4, 3)
    assert await engine.read(A) is None
    assert await some.leased() == []
    await engine.commit(turn, snapshot=b"123")
    assert await engine.read(A) == b"123"


Ending = Callable[[Engine, Opened], Coroutine[object, object, object]]
ENDINGS: dict[str, Ending] = {
    "commit": lambda engine, turn: engine.commit(
        turn, snapshot=b"no", outbox=[letter(B, "x")]
    ),
    "give up": lambda engine, turn: engine.fail(turn, error="no", retry=False),
    "retry": lambda engine, turn: engine.fail(turn, error="no", retry=True),
}
however_it_ends = pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)


@on_every_engine
@however_it_ends
async def test_a_turn_that_was_taken_over_can_change_nothing(
    make: MakeEngine, end: Ending
) -> None:
    engine = make()
    some = await desk(engine, "1")
    late = await some.begin()
    current = await some.open()

    with pytest.raises(FencedError) as caught:
        await end(engine, late)

    assert caught.value.key == A
    assert (await engine.read(A), await some.leased()) == (None, [])
    assert not engine.dead_letters()
    await engine.commit(current, snapshot=b"yes")
    assert await engine.read(A) == b"yes"


@on_every_engine
@however_it_ends
@pytest.mark.parametrize("more", ["", "2"])
@pytest.mark.parametrize("keep", [True, False])
async def test_a_turn_ends_once(
    make: MakeEngine,
    end: Ending,
    more: str,
    keep: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    engine = make()
    some = await desk(engine, "1", *more)
    turn = await some.begin()
    await engine.commit(turn, snapshot=b"one", keep=keep)

    with pytest.raises(FencedError):
        await end(engine, turn)

    assert await engine.read(A) == b"one"
    assert engine.waiting() == len(more)


@on_every_engine
async def test_a_failed_turn_may_be_tried_again(make: MakeEngine) -> None:
    engine = make()
    some = await desk(engine, "1", "2")

    await engine.fail(await some.begin(), error="broken", retry=True)
    again = await some.begin()

    assert (again.mail.id, again.attempt) == ("1", 2)
    assert not engine.dead_letters()
    following = await engine.commit(again, snapshot=None, keep=True)
    assert following is not None
    assert (following.mail.id, following.attempt) == ("2", 1)


@on_every_engine
async def test_mail_that_is_given_up_becomes_a_dead_letter(make: MakeEngine) -> None:
    engine = make(max_dead_letters=2)
    some = await desk(engine, *"1234")

    for _ in range(3):
        await engine.fail(await some.begin(), error="broken", retry=False)

    newest = [(dead.key, dead.mail.id, dead.error) for dead in engine.dead_letters()]
    assert newest == [(A, "2", "broken"), (A, "3", "broken")]
    assert await engine.read(A) is None
    assert (await some.begin()).mail.id == "4"


@on_every_engine
async def test_senders_to_a_full_mailbox_wait_and_keep_their_order(
    make: MakeEngine,
) -> None:
    engine = make(capacity=2)
    some = Desk(engine)

    async with asyncio.TaskGroup() as group:
        senders = [group.create_task(engine.enqueue([letter(A, n)])) for n in "012345"]
        await idle()
        waiting = [not sender.done() for sender in senders]
        await engine.enqueue([letter(B, "x")])
        leased = await some.leased()
        await engine.commit(await some.open(), snapshot=None)
        await idle()
        after_one = [not sender.done() for sender in senders]
        order = await some.rest()

    assert leased == [A, B]
    assert waiting == [False, False, True, True, True, True]
    assert after_one == [False, False, False, True, True, True]
    assert order == ["1", "2", "3", "4", "5"]


@on_every_engine
async def test_mail_that_is_given_up_makes_room_for_a_sender(make: MakeEngine) -> None:
    engine = make(capacity=1)
    some = await desk(engine, "1")

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(A, "2")]))
        await engine.fail(await some.begin(), error="broken", retry=False)

    assert await some.rest() == ["2"]


@on_every_engine
async def test_a_closed_engine_takes_no_mail_and_gives_out_what_it_has(
    make: MakeEngine,
) -> None:
    engine = make()
    some = await desk(engine, "1")

    engine.close()
    engine.close()

    with pytest.raises(EngineClosedError) as caught:
        await engine.enqueue([letter(B, "2")])
    assert caught.value.key == B
    assert (await some.begin()).mail.id == "1"


@on_every_engine
async def test_closing_tells_the_senders_that_wait(make: MakeEngine) -> None:
    engine = make(capacity=1)
    some = await desk(engine, "1")

    async def send(name: str) -> str:
        with pytest.raises(EngineClosedError) as caught:
            await engine.enqueue([letter(A, name)])
        return caught.value.key

    async with asyncio.TaskGroup() as group:
        early = group.create_task(send("2"))
        await idle()
        engine.close()
        late = group.create_task(send("3"))

    assert (early.result(), late.result()) == (A, A)
    assert await some.rest() == ["1"]


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

    def __init__(self, make: MakeEngine) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=virtual_loop_factory)
        self.engine = make(capacity=CAPACITY)
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
        self.runner.close()

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


@on_every_engine
def test_an_engine_does_what_its_model_does(make: MakeEngine) -> None:
    class ItsMachine(Machine):
        def __init__(self) -> None:
            super().__init__(make)

    run_state_machine_as_test(
        ItsMachine, settings=settings(max_examples=50, stateful_step_count=30)
    )
