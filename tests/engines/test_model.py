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

from duologue.actors import Engine, Mail, Opened, Owed, TimedLetter
from duologue.actors.testing import VirtualLoop, virtual_loop_factory
from duologue.errors import EngineClosedError, FencedError, MailboxFullError
from tests.engines.conftest import OF_ONE_PROCESS, NewEngine, idle, letter

T = TypeVar("T")


@dataclass(slots=True)
class Box:
    """A mailbox and its snapshot, as the model sees them."""

    mail: list[Mail] = field(default_factory=list[Mail])
    outside: list[Mail] = field(default_factory=list[Mail])
    snapshot: bytes | None = None
    lessee: Served | None = None
    attempt: int = 0
    token: str | None = None
    parked: int | None = None


@dataclass(slots=True, eq=False)
class Served:
    """Somebody who serves some kinds, as the model sees it."""

    free: int
    queue: list[str] = field(default_factory=list[str])
    # Those that have waited since a restart, in any order.
    unordered: set[str] = field(default_factory=set[str])


CAPACITY = 2
SLOTS: dict[tuple[str, ...], int] = {
    ("x", "plain"): 1,
    ("y", "z"): 2,
    ("y/max.1",): 1,
    ("screen",): 1,
}
KEYS = ("x/a", "x/b", "y/max.1:7", "y/max.2:7", "plain")
SCREENS = ("screen/1", "screen/2")
LATER = (None, 0.5, 2.5, 20.5)
keys = st.sampled_from(KEYS)
screens = st.sampled_from(SCREENS)
outboxes = st.lists(keys, max_size=3)
ids = st.sampled_from(["1", "2", "3"])
owings = st.lists(st.tuples(screens, ids), max_size=3)
timers = st.lists(
    st.tuples(keys, ids, st.sampled_from(LATER)),
    max_size=2,
    unique_by=lambda timer: timer[:2],
)


class Machine(RuleBasedStateMachine):
    """An engine beside a model of it in plain Python."""

    def __init__(self, new_engine: NewEngine) -> None:
        super().__init__()
        self.new_engine = new_engine
        self.runner = asyncio.Runner(loop_factory=virtual_loop_factory)
        self.folder = tempfile.TemporaryDirectory()
        self.engine = self.made()
        self.run(self.engine.__aenter__())
        self.leased: list[str] = []
        self.senders: dict[str, asyncio.Task[None]] = {}
        self.turns: list[Opened] = []
        self.names = map(str, itertools.count())
        self.moments = itertools.count()
        # What follows is the model.
        self.boxes = {key: Box() for key in KEYS}
        self.services: dict[str, Served] = {}
        self.nobody = Served(0)
        self.expected: list[str] = []
        self.dead: list[str] = []
        self.owed: dict[str, dict[str, bytes]] = {screen: {} for screen in SCREENS}
        self.rows: dict[str, bytes | None] = dict.fromkeys(SCREENS)
        self.held: dict[str, bytes] = {}
        self.timed: dict[tuple[str, str], TimedLetter] = {}
        self.is_closed = False

    def made(self) -> Engine:
        return self.new_engine(Path(self.folder.name), capacity=CAPACITY)

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

    def now(self) -> float:
        loop = self.runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return loop.wall_time()

    def at(self, later: float) -> float:
        """A time that no other letter has; which of two came first is open."""
        return self.now() + later + next(self.moments) % 400 / 1000

    def deliver(self) -> None:
        """Put those letters into the model whose time has come."""
        due = [(letter.at, name) for name, letter in self.timed.items() if letter.at]
        for at, name in sorted(due):
            if at <= self.now():
                body = self.timed.pop(name).body
                key, timer = name
                self.put(key, Mail(f"{key}/{timer}@{at}", body))

    def service(self, key: str) -> Served:
        for kind in (key.partition(":")[0], key.partition("/")[0]):
            if kind in self.services:
                return self.services[kind]
        return self.nobody

    def put(self, key: str, mail: Mail) -> None:
        box = self.boxes[key]
        box.mail.append(mail)
        if box.lessee is None and box.parked is None and len(box.mail) == 1:
            self.make_ready(key)

    def make_ready(self, key: str) -> None:
        service = self.service(key)
        service.queue.append(key)
        self.hand_out(service)

    def hand_out(self, service: Served) -> None:
        while service.free and (service.unordered or service.queue):
            if service.unordered:
                # The engine may choose.
                key = self.leased[len(self.expected)]
                service.unordered.remove(key)
            else:
                key = service.queue.pop(0)
            service.free -= 1
            self.boxes[key].lessee = service
            self.expected.append(key)

    def release(self, key: str) -> None:
        box = self.boxes[key]
        service, box.lessee, box.token = box.lessee, None, None
        assert service is not None
        service.free += 1
        self.hand_out(service)
        if box.mail and box.parked is None:
            self.make_ready(key)

    def pop(self, key: str) -> str:
        box = self.boxes[key]
        box.attempt = 0
        return box.mail.pop(0).id

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
        assert turn.mail == box.mail[0]
        assert (turn.snapshot, turn.attempt) == (box.snapshot, box.attempt)
        assert turn.token not in [earlier.token for earlier in self.turns]
        self.turns.append(turn)

    @precondition(lambda self: not self.services)
    @rule()
    def serve_most(self) -> None:
        for kinds in list(SLOTS)[:2]:
            self.serve(kinds, 0)

    @precondition(lambda self: self.services)
    @rule(kinds=st.sampled_from([*SLOTS]), schema=st.integers(0, 2))
    def serve_more(self, kinds: tuple[str, ...], schema: int) -> None:
        self.serve(kinds, schema)

    def serve(self, kinds: tuple[str, ...], schema: int) -> None:
        is_new = kinds[0] not in self.services
        self.engine.serve(kinds, SLOTS[kinds], self.leased.append, schema)

        before = [*dict.fromkeys(self.services.values()), self.nobody]
        service = Served(SLOTS[kinds])
        self.services.update(dict.fromkeys(kinds, service))
        for former in before:
            queue, former.queue = former.queue, []
            unordered, former.unordered = former.unordered, set()
            for key in queue:
                self.service(key).queue.append(key)
            for key in unordered:
                self.service(key).unordered.add(key)
        unparked = [
            key
            for key, box in self.boxes.items()
            if box.parked is not None
            and box.parked <= schema
            and self.service(key) is service
        ]
        for key in unparked:
            self.boxes[key].parked = None
        if unparked:  # they come in any order, after those that wait for longer
            self.hand_out(service)
            service.unordered.update(unparked, service.queue)
            service.queue.clear()
        self.hand_out(service)
        if kinds == ("screen",) and is_new:
            come = self.leased[len(self.expected) :]
            left = [key for key in SCREENS if self.owed[key] or self.rows[key]]
            assert sorted(come) == left
            self.expected += come

    @rule(key=keys)
    def enqueue(self, key: str) -> None:
        name = next(self.names)
        mail = letter(key, name)
        work = self.engine.enqueue([mail])
        sender = self.senders[name] = self.runner.get_loop().create_task(work)
        self.run(idle())
        box = self.boxes[key]
        if self.is_closed:
            assert isinstance(sender.exception(), EngineClosedError)
        elif len(box.mail) < CAPACITY and not box.outside:
            self.put(key, mail.mail)
            assert sender.result() is None
        else:
            box.outside.append(mail.mail)
            assert not sender.done()

    @rule(key=keys, data=st.data())
    def cancel(self, key: str, data: st.DataObject) -> None:
        outside = self.boxes[key].outside
        if outside:
            mail = data.draw(st.sampled_from(outside))
            outside.remove(mail)
            self.senders[mail.id].cancel()
            self.run(idle())

    @precondition(lambda self: self.in_hand())
    @rule(data=st.data())
    def open_leased(self, data: st.DataObject) -> None:
        self.open(data.draw(st.sampled_from(self.in_hand())))

    @precondition(lambda self: len(self.turns) > 3)  # rarely
    @rule(key=keys)
    def open_any(self, key: str) -> None:
        self.open(key)

    def in_hand(self) -> list[str]:
        return [key for key, box in self.boxes.items() if box.lessee is not None]

    def open(self, key: str) -> None:
        turn = self.run(self.engine.open(key))

        assert (turn is not None) == (self.boxes[key].lessee is not None)
        if turn is not None:
            self.note(turn)

    @precondition(lambda self: self.turns)
    @rule(
        data=st.data(),
        changes=st.booleans(),
        to=outboxes,
        owings=owings,
        timers=timers,
        keep=st.booleans(),
    )
    def commit(
        self,
        *,
        data: st.DataObject,
        changes: bool,  # hypothesis draws it
        to: list[str],
        owings: list[tuple[str, str]],
        timers: list[tuple[str, str, float | None]],
        keep: bool,  # the same
    ) -> None:
        turn = self.draw_turn(data)
        box = self.boxes[turn.key]
        body = next(self.names).encode()
        snapshot = body if changes else None
        outbox = [letter(key, next(self.names)) for key in to]
        owed = [Owed(screen, name, body) for screen, name in owings]
        timed = [
            TimedLetter(name, key, later and self.at(later), body)
            for key, name, later in timers
        ]
        work = self.engine.commit(
            turn, snapshot=snapshot, outbox=outbox, owed=owed, timed=timed, keep=keep
        )
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
            self.put(each.key, each.mail)
        for one in owed:
            self.owed[one.screen][one.id] = one.body
        for timer in timed:
            self.timed[timer.key, timer.id] = timer
        if keep and box.mail:
            assert following is not None
            self.note(following)
        else:
            assert following is None
            self.release(turn.key)
        self.let_in(turn.key)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), retry=st.booleans(), changes=st.booleans(), owings=owings)
    def fail(
        self,
        *,
        data: st.DataObject,
        retry: bool,  # the same
        changes: bool,  # the same
        owings: list[tuple[str, str]],
    ) -> None:
        turn = self.draw_turn(data)
        body = next(self.names).encode()
        snapshot = body if changes and not retry else None
        owed = [Owed(*owing, body) for owing in owings if not retry]
        work = self.engine.fail(
            turn, error="broken", retry=retry, snapshot=snapshot, owed=owed
        )
        if self.boxes[turn.key].token != turn.token:
            with pytest.raises(FencedError):
                self.run(work)
            return

        self.run(work)

        box = self.boxes[turn.key]
        box.snapshot = snapshot or box.snapshot
        for one in owed:
            self.owed[one.screen][one.id] = one.body
        if not retry:
            self.dead.append(self.pop(turn.key))
        self.release(turn.key)
        self.let_in(turn.key)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), schema=st.integers(1, 2))
    def park(self, data: st.DataObject, schema: int) -> None:
        turn = self.draw_turn(data)
        work = self.engine.park(turn, schema)
        if self.boxes[turn.key].token != turn.token:
            with pytest.raises(FencedError):
                self.run(work)
            return

        self.run(work)

        self.boxes[turn.key].parked = schema
        self.release(turn.key)

    @rule(
        screen=screens,
        done=st.sets(ids),
        to=outboxes,
        has_row=st.sampled_from([True, False, None]),
    )
    def drawn(
        self,
        screen: str,
        done: set[str],
        to: list[str],
        has_row: bool | None,  # noqa: FBT001  # the same
    ) -> None:
        row: bytes | None = None
        if has_row is not None:
            row = next(self.names).encode() if has_row else b""
        letters = [letter(key, next(self.names)) for key in to]
        work = self.engine.drawn(screen, sorted(done), letters=letters, row=row)
        if self.is_closed:
            with pytest.raises(EngineClosedError):
                self.run(work)
            return

        self.run(work)

        for name in done:
            self.owed[screen].pop(name, None)
        if row is not None:
            self.rows[screen] = row or None
        for each in letters:
            self.put(each.key, each.mail)

    @rule(name=ids, changes=st.booleans())
    def hold(self, name: str, changes: bool) -> None:  # noqa: FBT001  # the same
        value = next(self.names).encode() if changes else None
        kept = self.run(self.engine.hold(name, "token", 1.0, value=value))

        if value is not None:
            self.held[name] = value
        assert kept == self.held.get(name)

    @rule(seconds=st.sampled_from([3, 30]))
    def wait(self, seconds: int) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: len(self.senders) > 8)
    @rule()
    def close(self) -> None:
        self.engine.close()
        self.is_closed = True
        self.run(idle())
        self.turn_away()

    def turn_away(self) -> None:
        for box in self.boxes.values():
            for mail in box.outside:
                error = self.senders[mail.id].exception()
                assert isinstance(error, EngineClosedError)
            box.outside.clear()

    @precondition(lambda self: len(self.turns) > 2)  # not too often
    @rule(is_same=st.booleans(), pause=st.sampled_from([0, 30]))
    def restart(self, is_same: bool, pause: int) -> None:  # noqa: FBT001  # the same
        """End and begin again; another engine has all that is durable."""
        self.run(self.engine.__aexit__())
        self.turn_away()
        self.run(asyncio.sleep(pause))
        if self.engine.durable and not is_same:
            self.engine = self.made()
        self.run(self.engine.__aenter__())
        self.is_closed = False
        self.services.clear()
        self.nobody = Served(0)
        for key, box in self.boxes.items():
            box.lessee = box.token = box.parked = None
            if self.engine.durable:
                box.attempt = 0
            if box.mail:
                self.nobody.unordered.add(key)

    @invariant()
    def is_like_the_model(self) -> None:
        snapshots, owed = self.run(self.read())
        self.deliver()
        assert self.leased == self.expected
        assert self.engine.waiting() == sum(
            len(box.mail) for box in self.boxes.values()
        )
        assert self.engine.parked() == sum(
            box.parked is not None for box in self.boxes.values()
        )
        assert [dead.mail.id for dead in self.engine.dead_letters()] == self.dead
        assert snapshots == [box.snapshot for box in self.boxes.values()]
        assert owed == [
            (
                tuple(Owed(screen, *pair) for pair in self.owed[screen].items()),
                self.rows[screen],
            )
            for screen in SCREENS
        ]

    async def read(
        self,
    ) -> tuple[list[bytes | None], list[tuple[Sequence[Owed], bytes | None]]]:
        return (
            [await self.engine.read(key) for key in KEYS],
            [await self.engine.owed(screen) for screen in SCREENS],
        )

    def draw_turn(self, data: st.DataObject) -> Opened:
        """One of the last turns, that of now or one that is over."""
        return data.draw(st.sampled_from(self.turns[-4:]))


@pytest.mark.parametrize("new_engine", OF_ONE_PROCESS.values(), ids=OF_ONE_PROCESS)
def test_an_engine_does_what_its_model_does(new_engine: NewEngine) -> None:
    class ItsMachine(Machine):
        def __init__(self) -> None:
            super().__init__(new_engine)

    run_state_machine_as_test(
        ItsMachine, settings=settings(max_examples=100, stateful_step_count=50)
    )
