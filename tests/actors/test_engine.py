"""What every engine promises; the suite runs for each of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors import Engine, Letter, Mail, MemoryEngine, Opened
from duologue.actors.testing import VirtualClock
from duologue.errors import (
    EngineClosedError,
    FencedError,
    MailboxFullError,
    SnapshotTooLargeError,
)


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


def letter(key: str, name: str) -> Letter:
    return Letter(key, Mail(name, name.encode()))


async def idle() -> None:
    """Return when every task waits for something that has yet to happen."""
    await asyncio.sleep(1)


async def begin(engine: Engine, key: str = "a") -> Opened:
    """Lease the one key that has mail and open it."""
    assert await engine.lease(10) == [key]
    return await opened(engine, key)


async def opened(engine: Engine, key: str) -> Opened:
    turn = await engine.open(key)
    assert turn is not None
    return turn


async def rest(engine: Engine) -> list[str]:
    """Handle what is left until nothing comes any more, and tell what it was."""
    names: list[str] = []
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(5):
                (key,) = await engine.lease(1)
            turn: Opened | None = await opened(engine, key)
            while turn is not None:
                names.append(turn.mail.id)
                turn = await engine.commit(turn, snapshot=None, keep=True)
    return names


@on_every_engine
@given(names=st.lists(st.text(), max_size=30))
def test_mail_comes_out_in_the_order_in_which_it_went_in(
    make: MakeEngine, names: list[str]
) -> None:
    async def main() -> list[str]:
        engine = make()
        for name in names:
            await engine.enqueue(letter("a", name))
        return await rest(engine)

    assert VirtualClock().run(main()) == names


@on_every_engine
async def test_mail_is_opened_with_its_id_and_body(make: MakeEngine) -> None:
    engine = make()

    await engine.enqueue(Letter("a", Mail("m1", b"\x00 body")))
    turn = await begin(engine)

    assert turn.key == "a"
    assert turn.mail == Mail("m1", b"\x00 body")
    assert turn.snapshot is None
    assert turn.attempt == 1


@on_every_engine
async def test_a_lease_waits_for_mail(make: MakeEngine) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        lease = group.create_task(engine.lease(10))
        await idle()
        was_waiting = not lease.done()
        await engine.enqueue(letter("a", "1"))

    assert was_waiting
    assert lease.result() == ["a"]


@on_every_engine
async def test_keys_are_leased_longest_waiting_first_up_to_the_limit(
    make: MakeEngine,
) -> None:
    engine = make()
    for key in "cabca":
        await engine.enqueue(letter(key, "1"))

    first = await engine.lease(2)
    second = await engine.lease(2)

    assert [*first] == ["c", "a"]
    assert [*second] == ["b"]


@on_every_engine
async def test_a_leased_key_is_nobody_elses_until_the_lease_ends(
    make: MakeEngine,
) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        other = group.create_task(engine.lease(10))
        await engine.enqueue(letter("a", "2"))
        await idle()
        was_waiting = not other.done()
        await engine.commit(turn, snapshot=None)

    assert was_waiting
    assert other.result() == ["a"]


@on_every_engine
async def test_a_key_with_more_mail_stands_behind_those_that_wait(
    make: MakeEngine,
) -> None:
    engine = make()
    for key in "aab":
        await engine.enqueue(letter(key, "1"))
    assert await engine.lease(1) == ["a"]

    await engine.commit(await opened(engine, "a"), snapshot=None)

    assert await engine.lease(10) == ["b", "a"]


@on_every_engine
async def test_opening_a_key_without_mail_gives_nothing(make: MakeEngine) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    await engine.commit(await begin(engine), snapshot=None)

    assert await engine.open("a") is None
    assert await engine.open("never heard of") is None


@on_every_engine
async def test_opening_a_key_without_mail_ends_the_lease(make: MakeEngine) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)
    async with asyncio.TaskGroup() as group:
        # Its mail is gone, a sender is about to come in: there is a box, no mail.
        group.create_task(engine.enqueue(letter("a", "2")))
        await idle()
        await engine.commit(turn, snapshot=None)
        assert await engine.open("a") is None

    assert (await begin(engine)).mail.id == "2"


@on_every_engine
async def test_a_commit_writes_the_snapshot_and_removes_the_mail(
    make: MakeEngine,
) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    await engine.enqueue(letter("a", "2"))

    await engine.commit(await begin(engine), snapshot=b"one")
    turn = await begin(engine)

    assert await engine.read("a") == b"one"
    assert turn.snapshot == b"one"
    assert turn.mail.id == "2"


@on_every_engine
async def test_a_commit_without_a_snapshot_leaves_the_old_one(
    make: MakeEngine,
) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    await engine.enqueue(letter("a", "2"))

    await engine.commit(await begin(engine), snapshot=b"one")
    await engine.commit(await begin(engine), snapshot=None)

    assert await engine.read("a") == b"one"


@on_every_engine
async def test_the_snapshots_of_keys_are_apart(make: MakeEngine) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))

    await engine.commit(await begin(engine), snapshot=b"one")

    assert await engine.read("b") is None


@on_every_engine
async def test_a_commit_that_keeps_the_key_begins_the_next_turn(
    make: MakeEngine,
) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    await engine.enqueue(letter("a", "2"))
    first = await begin(engine)

    second = await engine.commit(first, snapshot=b"one", keep=True)

    assert second is not None
    assert (second.mail.id, second.snapshot, second.attempt) == ("2", b"one", 1)
    assert second.token != first.token
    assert await engine.commit(second, snapshot=None, keep=True) is None
    await engine.enqueue(letter("a", "3"))
    assert (await begin(engine)).mail.id == "3"


@on_every_engine
async def test_a_commit_releases_its_outbox_in_order(make: MakeEngine) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)
    outbox = [letter("b", "x"), letter("b", "y"), letter("a", "2")]

    following = await engine.commit(turn, snapshot=None, outbox=outbox, keep=True)

    assert following is not None
    assert following.mail.id == "2"
    assert await engine.lease(10) == ["b"]
    assert (await opened(engine, "b")).mail.id == "x"


@on_every_engine
@pytest.mark.parametrize("own", [True, False])
async def test_a_commit_whose_outbox_does_not_fit_changes_nothing(
    make: MakeEngine,
    own: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    engine = make(capacity=2)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)
    await engine.enqueue(letter("a", "2"))
    await engine.enqueue(letter("b", "x"))
    full = "a" if own else "b"
    outbox = [letter("c", "y"), letter(full, "3"), letter(full, "4")]

    with pytest.raises(MailboxFullError) as caught:
        await engine.commit(turn, snapshot=b"one", outbox=outbox)

    assert (caught.value.key, caught.value.capacity) == (full, 2)
    assert await engine.read("a") is None
    assert await engine.open("c") is None
    following = await engine.commit(turn, snapshot=b"two", keep=True)
    assert following is not None
    assert following.mail.id == "2"


@on_every_engine
async def test_a_commit_may_fill_the_place_that_its_own_mail_leaves(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    await engine.commit(turn, snapshot=None, outbox=[letter("a", "2")])

    assert (await begin(engine)).mail.id == "2"


@on_every_engine
async def test_no_sender_comes_in_where_a_commit_fills_its_own_place(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        sender = group.create_task(engine.enqueue(letter("a", "3")))
        await idle()
        await engine.commit(turn, snapshot=None, outbox=[letter("a", "2")])
        await idle()
        was_waiting = not sender.done()
        order = await rest(engine)

    assert was_waiting
    assert order == ["2", "3"]


@on_every_engine
async def test_an_outbox_does_not_take_the_place_of_waiting_senders(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    await engine.enqueue(letter("b", "x"))
    assert await engine.lease(2) == ["a", "b"]

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue(letter("b", "y")))
        await idle()
        # There is room for y, whose sender has yet to run.
        await engine.commit(await opened(engine, "b"), snapshot=None)
        turn = await opened(engine, "a")
        with pytest.raises(MailboxFullError):
            await engine.commit(turn, snapshot=None, outbox=[letter("b", "z")])

    assert await rest(engine) == ["y"]


@on_every_engine
async def test_a_snapshot_over_the_limit_changes_nothing(make: MakeEngine) -> None:
    engine = make(max_snapshot=3)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    with pytest.raises(SnapshotTooLargeError) as caught:
        await engine.commit(turn, snapshot=b"1234", outbox=[letter("b", "x")])

    assert (caught.value.size, caught.value.limit) == (4, 3)
    assert await engine.read("a") is None
    assert await engine.open("b") is None
    await engine.commit(turn, snapshot=b"123")
    assert await engine.read("a") == b"123"


@on_every_engine
@pytest.mark.parametrize("ends_by", ["commit", "fail"])
async def test_a_turn_that_was_taken_over_can_change_nothing(
    make: MakeEngine, ends_by: str
) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    late = await begin(engine)
    current = await opened(engine, "a")

    outbox = [letter("b", "x")]
    ending = (
        engine.commit(late, snapshot=b"no", outbox=outbox)
        if ends_by == "commit"
        else engine.fail(late, error="no", retry=False)
    )
    with pytest.raises(FencedError) as caught:
        await ending

    assert caught.value.key == "a"
    assert await engine.read("a") is None
    assert await engine.open("b") is None
    assert not engine.dead_letters()
    await engine.commit(current, snapshot=b"yes")
    assert await engine.read("a") == b"yes"


@on_every_engine
@pytest.mark.parametrize("keep", [True, False])
async def test_a_turn_can_be_committed_once(
    make: MakeEngine,
    keep: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    engine = make()
    for name in "12":
        await engine.enqueue(letter("a", name))
    turn = await begin(engine)
    await engine.commit(turn, snapshot=b"one", keep=keep)

    with pytest.raises(FencedError):
        await engine.commit(turn, snapshot=b"two")

    assert await engine.read("a") == b"one"


@on_every_engine
async def test_a_finished_key_fences_too(make: MakeEngine) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)
    await engine.commit(turn, snapshot=b"one")

    with pytest.raises(FencedError):
        await engine.fail(turn, error="late", retry=True)


@on_every_engine
async def test_a_failed_turn_may_be_tried_again(make: MakeEngine) -> None:
    engine = make()
    for name in "12":
        await engine.enqueue(letter("a", name))

    await engine.fail(await begin(engine), error="broken", retry=True)
    again = await begin(engine)

    assert (again.mail.id, again.attempt) == ("1", 2)
    assert not engine.dead_letters()
    following = await engine.commit(again, snapshot=None, keep=True)
    assert following is not None
    assert (following.mail.id, following.attempt) == ("2", 1)


@on_every_engine
async def test_mail_that_is_given_up_becomes_a_dead_letter(make: MakeEngine) -> None:
    engine = make()
    for name in "12":
        await engine.enqueue(letter("a", name))

    await engine.fail(await begin(engine), error="broken", retry=False)

    (dead,) = engine.dead_letters()
    assert (dead.key, dead.mail.id, dead.error) == ("a", "1", "broken")
    assert await engine.read("a") is None
    assert (await begin(engine)).mail.id == "2"


@on_every_engine
async def test_only_the_newest_dead_letters_are_kept(make: MakeEngine) -> None:
    engine = make(max_dead_letters=2)

    for name in "123":
        await engine.enqueue(letter("a", name))
        await engine.fail(await begin(engine), error="broken", retry=False)

    assert [dead.mail.id for dead in engine.dead_letters()] == ["2", "3"]


@on_every_engine
async def test_senders_to_a_full_mailbox_wait_and_keep_their_order(
    make: MakeEngine,
) -> None:
    engine = make(capacity=2)

    async with asyncio.TaskGroup() as group:
        senders = [
            group.create_task(engine.enqueue(letter("a", str(number))))
            for number in range(6)
        ]
        await idle()
        waiting = [not sender.done() for sender in senders]
        order = await rest(engine)

    assert waiting == [False, False, True, True, True, True]
    assert order == ["0", "1", "2", "3", "4", "5"]


@on_every_engine
async def test_one_place_lets_one_waiting_sender_in(make: MakeEngine) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "0"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        senders = [group.create_task(engine.enqueue(letter("a", n))) for n in "123"]
        await idle()
        await engine.commit(turn, snapshot=None)
        await idle()
        waiting = [not sender.done() for sender in senders]
        order = await rest(engine)

    assert waiting == [False, True, True]
    assert order == ["1", "2", "3"]


@on_every_engine
async def test_a_full_mailbox_does_not_hold_up_others(make: MakeEngine) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue(letter("a", "2")))
        await idle()
        await engine.enqueue(letter("b", "x"))
        leased = await engine.lease(10)
        await engine.commit(await opened(engine, "a"), snapshot=None)

    assert leased == ["a", "b"]


@on_every_engine
async def test_who_comes_while_others_wait_stands_behind_them(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue(letter("a", "2")))
        await idle()
        order = group.create_task(rest(engine))
        # There is room again, and the sender that waits for it has yet to run.
        await engine.commit(turn, snapshot=None)
        await engine.enqueue(letter("a", "3"))

    assert order.result() == ["2", "3"]


@on_every_engine
async def test_a_cancelled_sender_sends_nothing_and_holds_up_nobody(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.enqueue(letter("a", "2")))
        group.create_task(engine.enqueue(letter("a", "3")))
        await idle()
        cancelled.cancel()
        await idle()
        order = await rest(engine)

    assert cancelled.cancelled()
    assert order == ["1", "3"]


@on_every_engine
async def test_a_sender_cancelled_when_its_place_is_free_passes_it_on(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.enqueue(letter("a", "2")))
        group.create_task(engine.enqueue(letter("a", "3")))
        await idle()
        await engine.commit(turn, snapshot=None)
        cancelled.cancel()
        order = [(await begin(engine)).mail.id]

    assert order == ["3"]


@on_every_engine
async def test_the_last_sender_may_be_cancelled_when_its_place_is_free(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.enqueue(letter("a", "2")))
        await idle()
        await engine.commit(turn, snapshot=None)
        cancelled.cancel()

    assert await rest(engine) == []


@on_every_engine
async def test_a_cancelled_lease_takes_nothing(make: MakeEngine) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.lease(10))
        other = group.create_task(engine.lease(10))
        await idle()
        cancelled.cancel()
        await idle()
        await engine.enqueue(letter("a", "1"))

    assert other.result() == ["a"]


@on_every_engine
async def test_a_lease_cancelled_when_mail_arrives_leaves_it_to_another(
    make: MakeEngine,
) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.lease(10))
        other = group.create_task(engine.lease(10))
        await idle()
        await engine.enqueue(letter("a", "1"))
        cancelled.cancel()

    assert other.result() == ["a"]


@on_every_engine
async def test_a_lease_cancelled_just_before_mail_arrives_does_not_get_it(
    make: MakeEngine,
) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.lease(10))
        other = group.create_task(engine.lease(10))
        await idle()
        cancelled.cancel()
        await engine.enqueue(letter("a", "1"))

    assert other.result() == ["a"]


@on_every_engine
async def test_a_lease_cancelled_after_it_was_forestalled_wakes_nobody(
    make: MakeEngine,
) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.lease(10))
        other = group.create_task(engine.lease(10))
        await idle()
        await engine.enqueue(letter("a", "1"))
        quick = await engine.lease(10)
        cancelled.cancel()
        await idle()
        was_waiting = not other.done()
        await engine.enqueue(letter("b", "1"))

    assert quick == ["a"]
    assert was_waiting
    assert other.result() == ["b"]


@on_every_engine
async def test_a_lease_cancelled_alone_leaves_the_mail_to_the_next(
    make: MakeEngine,
) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.lease(10))
        await idle()
        await engine.enqueue(letter("a", "1"))
        cancelled.cancel()

    assert await engine.lease(10) == ["a"]


@on_every_engine
async def test_each_lease_that_waits_gets_a_key_of_its_own(make: MakeEngine) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        leases = [group.create_task(engine.lease(1)) for _ in range(3)]
        await idle()
        for key in "abc":
            await engine.enqueue(letter(key, "1"))

    assert [lease.result() for lease in leases] == [["a"], ["b"], ["c"]]


@on_every_engine
async def test_a_lease_that_was_forestalled_goes_on_waiting(make: MakeEngine) -> None:
    engine = make()

    async with asyncio.TaskGroup() as group:
        slow = group.create_task(engine.lease(10))
        await idle()
        await engine.enqueue(letter("a", "1"))
        quick = await engine.lease(10)
        await idle()
        was_waiting = not slow.done()
        await engine.enqueue(letter("b", "1"))

    assert quick == ["a"]
    assert was_waiting
    assert slow.result() == ["b"]


@on_every_engine
async def test_a_closed_engine_takes_no_mail_and_gives_out_what_it_has(
    make: MakeEngine,
) -> None:
    engine = make()
    await engine.enqueue(letter("a", "1"))

    engine.close()
    engine.close()

    with pytest.raises(EngineClosedError) as caught:
        await engine.enqueue(letter("b", "2"))
    assert caught.value.key == "b"
    assert (await begin(engine)).mail.id == "1"


@on_every_engine
async def test_closing_tells_the_senders_that_wait(make: MakeEngine) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))

    async def send(name: str) -> str:
        with pytest.raises(EngineClosedError) as caught:
            await engine.enqueue(letter("a", name))
        return caught.value.key

    async with asyncio.TaskGroup() as group:
        early = group.create_task(send("2"))
        await idle()
        engine.close()
        late = group.create_task(send("3"))

    assert (early.result(), late.result()) == ("a", "a")
    turn = await begin(engine)
    assert await engine.commit(turn, snapshot=None, keep=True) is None


@on_every_engine
async def test_a_sender_with_a_free_place_is_heard_though_the_engine_closes(
    make: MakeEngine,
) -> None:
    engine = make(capacity=1)
    await engine.enqueue(letter("a", "1"))
    turn = await begin(engine)

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue(letter("a", "2")))
        await idle()
        await engine.commit(turn, snapshot=None)
        engine.close()

    assert (await begin(engine)).mail.id == "2"


async def test_mail_in_memory_does_not_outlive_the_process() -> None:
    assert not MemoryEngine().durable


class Workers:
    """Handle mail by a plan, and note what must never happen."""

    def __init__(self, engine: Engine, plan: Sequence[str], *, expected: int) -> None:
        self.handled: dict[str, list[str]] = defaultdict(list)
        self.dead: set[str] = set()
        self._engine = engine
        self._plan = iter(plan)
        self._left = expected
        self._busy: set[str] = set()
        self._finished = asyncio.Event()

    async def work(self, workers: int) -> None:
        if not self._left:
            return
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run()) for _ in range(workers)]
            await self._finished.wait()
            for task in tasks:
                task.cancel()

    async def _run(self) -> None:
        while True:
            for key in await self._engine.lease(2):
                assert key not in self._busy, "two leases of one key"
                self._busy.add(key)
                turn = await self._engine.open(key)
                while turn is not None:
                    turn = await self._turn(turn)

    async def _turn(self, turn: Opened) -> Opened | None:
        await idle()
        plan = "commit" if turn.attempt > 2 else next(self._plan, "commit")
        keep = plan == "commit"
        if not keep:
            self._busy.discard(turn.key)
        if plan == "retry":
            await self._engine.fail(turn, error="again", retry=True)
            return None
        if plan == "dead":
            self.dead.add(turn.mail.id)
            await self._engine.fail(turn, error="no", retry=False)
            return self._count(None)
        names = self.handled[turn.key]
        names.append(turn.mail.id)
        following = await self._engine.commit(
            turn, snapshot=",".join(names).encode(), keep=keep
        )
        if following is None:
            self._busy.discard(turn.key)
        return self._count(following)

    def _count(self, following: Opened | None) -> Opened | None:
        self._left -= 1
        if not self._left:
            self._finished.set()
        return following


@on_every_engine
@settings(max_examples=50, deadline=None)
@given(
    senders=st.lists(
        st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=4
    ),
    plan=st.lists(st.sampled_from(["commit", "release", "retry", "dead"]), max_size=30),
    capacity=st.integers(min_value=1, max_value=3),
    workers=st.integers(min_value=1, max_value=3),
)
def test_nothing_is_lost_doubled_or_overtaken(
    make: MakeEngine,
    senders: list[list[str]],
    plan: list[str],
    capacity: int,
    workers: int,
) -> None:
    async def main() -> None:
        engine = make(capacity=capacity)
        team = Workers(engine, plan, expected=sum(map(len, senders)))

        async def send(number: int, keys: list[str]) -> None:
            for place, key in enumerate(keys):
                await engine.enqueue(letter(key, f"{number}.{place}"))

        async with asyncio.TaskGroup() as group:
            for number, keys in enumerate(senders):
                group.create_task(send(number, keys))
            await team.work(workers)

        for key in "abc":
            handled = team.handled[key]
            snapshot = await engine.read(key)
            assert (snapshot or b"").decode() == ",".join(handled)
            for number, keys in enumerate(senders):
                sent = [
                    f"{number}.{place}" for place, to in enumerate(keys) if to == key
                ]
                got = [name for name in handled if name.startswith(f"{number}.")]
                assert got == [name for name in sent if name not in team.dead]
        assert {dead.mail.id for dead in engine.dead_letters()} == team.dead

    VirtualClock().run(main())
