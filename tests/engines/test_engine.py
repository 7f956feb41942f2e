"""What every engine promises; the suite runs for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from duologue.actors import Engine, Letter, Mail, Opened, Owed, TimedLetter
from duologue.actors.testing import VirtualLoop
from duologue.errors import (
    EngineClosedError,
    EngineNameError,
    FencedError,
    MailboxFullError,
    SnapshotTooLargeError,
)
from tests.engines.conftest import A, B, C, Desk, MakeEngine, desk, idle, letter


async def test_mail_is_opened_with_its_id_and_body(make: MakeEngine) -> None:
    engine = await make()

    await engine.enqueue([Letter(A, Mail("m1", b"\x00 body"))])
    turn = await Desk(engine).begin()

    assert turn.key == A
    assert turn.mail == Mail("m1", b"\x00 body")
    assert turn.snapshot is None
    assert turn.attempt == 1


async def test_what_waits_for_somebody_who_serves_its_kind_is_counted(
    make: MakeEngine,
) -> None:
    engine = await make()
    assert await engine.unserved("dialog/max.1") == 0

    keys = ("dialog/max.1:5:5", "dialog/max.1:6:6", "dialog/max.11:5:5")
    for number, key in enumerate((*keys, keys[0])):
        await engine.enqueue([letter(key, str(number))])
    await idle()

    assert await engine.unserved("dialog/max.1") == 3
    desk = Desk(engine, "dialog/max.1")
    await desk.leased()
    assert await engine.unserved("dialog/max.1") == 0
    assert await engine.unserved("dialog/max.11") == 1


async def test_keys_are_leased_longest_waiting_first_up_to_the_slots(
    make: MakeEngine,
) -> None:
    engine = await make()
    for number, key in enumerate((C, A, B, C, A)):
        await engine.enqueue([letter(key, str(number))])

    desk = Desk(engine, slots=2)
    first = await desk.leased()
    await engine.commit(await desk.open(A), snapshot=None, keep=True)
    while_kept = await desk.leased()
    await engine.commit(await desk.open(C), snapshot=None)

    assert first == [C, A]
    assert while_kept == []
    assert await desk.leased() == [B]


async def test_kinds_that_are_served_together_share_their_slots_and_the_order(
    make: MakeEngine,
) -> None:
    engine = await make()
    for key in ("y/1", "x/1", "y/2", "plain", "other/1", "x/2"):
        await engine.enqueue([letter(key, "1")])
    desk = Desk(engine, "x", "y", "plain", slots=1)
    order: list[str] = []

    while keys := await desk.leased():
        order += keys
        await engine.commit(await desk.open(keys[0]), snapshot=None)

    assert order == ["y/1", "x/1", "y/2", "plain", "x/2"]


async def test_mail_waits_until_its_kind_is_served(make: MakeEngine) -> None:
    engine = await make()
    first = Desk(engine, "x")

    await engine.enqueue([letter("y/1", "1")])
    early = await first.leased()
    second = Desk(engine, "y")

    assert early == []
    assert await second.leased() == ["y/1"]
    await engine.enqueue([letter("x/1", "1")])
    assert (await first.leased(), await second.leased()) == (["x/1"], [])


async def test_a_key_without_mail_or_lease_is_not_opened(make: MakeEngine) -> None:
    engine = await make()
    one = await desk(engine, "1", slots=1)
    await engine.enqueue([letter(B, "1")])

    waits_for_a_slot = await engine.open(B)
    await engine.commit(await one.begin(), snapshot=None)

    assert waits_for_a_slot is None
    assert await engine.open(A) is None
    assert await engine.open("never heard of") is None
    assert await one.rest() == ["1"]


async def test_a_commit_writes_the_snapshot_and_removes_the_mail(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1", "2", "3")

    await engine.commit(await some.begin(), snapshot=b"one")
    turn = await some.begin()
    await engine.commit(turn, snapshot=None)

    assert turn.snapshot == b"one"
    assert turn.mail.id == "2"
    assert await engine.read(A) == b"one"
    assert await engine.read(B) is None


async def test_a_commit_that_keeps_the_key_begins_the_next_turn(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")
    first = await some.begin()

    second = await engine.commit(first, snapshot=b"one", keep=True)

    assert second is not None
    assert (second.mail.id, second.snapshot, second.attempt) == ("2", b"one", 1)
    assert second.token != first.token
    assert await engine.commit(second, snapshot=None, keep=True) is None
    await engine.enqueue([letter(A, "3")])
    assert (await some.begin()).mail.id == "3"


@pytest.mark.parametrize("full", [A, B])
async def test_a_commit_whose_outbox_does_not_fit_changes_nothing(
    make: MakeEngine, full: str
) -> None:
    engine = await make(capacity=2)
    some = await desk(engine, "1", "2")
    turn = await some.begin()
    await engine.enqueue([letter(B, "x")])
    outbox = [letter(C, "y"), letter(full, "3"), letter(full, "4")]

    if engine.shared and full != A:
        # Others may bring mail at any time: what finds no room waits, and is kept.
        following = await engine.commit(turn, snapshot=b"two", outbox=outbox, keep=True)
        assert following is not None
        names = await some.rest()
        assert [name for name in names if name != "y"] == ["x", "3", "4"]
        return
    with pytest.raises(MailboxFullError) as caught:
        await engine.commit(turn, snapshot=b"one", outbox=outbox)

    assert (caught.value.key, caught.value.capacity) == (full, 2)
    assert await engine.read(A) is None
    assert await some.leased() == [B]
    following = await engine.commit(turn, snapshot=b"two", keep=True)
    assert following is not None
    assert following.mail.id == "2"


async def test_a_commit_may_fill_the_place_that_its_own_mail_leaves(
    make: MakeEngine,
) -> None:
    engine = await make(capacity=1)
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


async def test_a_snapshot_over_the_limit_changes_nothing(make: MakeEngine) -> None:
    engine = await make(max_snapshot=3)
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


@however_it_ends
async def test_a_turn_that_was_taken_over_can_change_nothing(
    make: MakeEngine, end: Ending
) -> None:
    engine = await make()
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


@however_it_ends
@pytest.mark.parametrize("more", ["", "2"])
@pytest.mark.parametrize("keep", [True, False])
async def test_a_turn_ends_once(
    make: MakeEngine,
    end: Ending,
    more: str,
    keep: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    engine = await make()
    some = await desk(engine, "1", *more)
    turn = await some.begin()
    await engine.commit(turn, snapshot=b"one", keep=keep)

    with pytest.raises(FencedError):
        await end(engine, turn)

    assert await engine.read(A) == b"one"
    assert engine.waiting() == len(more)


async def test_a_failed_turn_may_be_tried_again(make: MakeEngine) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")

    await engine.fail(await some.begin(), error="broken", retry=True)
    again = await some.begin()

    assert (again.mail.id, again.attempt) == ("1", 2)
    assert not engine.dead_letters()
    following = await engine.commit(again, snapshot=None, keep=True)
    assert following is not None
    assert (following.mail.id, following.attempt) == ("2", 1)


async def test_mail_that_is_given_up_becomes_a_dead_letter(make: MakeEngine) -> None:
    engine = await make(max_dead_letters=2)
    some = await desk(engine, *"1234")

    for _ in range(3):
        await engine.fail(await some.begin(), error="broken", retry=False)

    newest = [(dead.key, dead.mail.id, dead.error) for dead in engine.dead_letters()]
    assert newest == [(A, "2", "broken"), (A, "3", "broken")]
    assert await engine.read(A) is None
    assert (await some.begin()).mail.id == "4"


async def test_mail_that_is_given_up_is_known_to_the_state_and_answered(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")
    answer = Owed("screen/1", "answer", b"no")

    await engine.fail(
        await some.begin(), error="no", retry=False, snapshot=b"known", owed=[answer]
    )

    assert await engine.read(A) == b"known"
    assert await engine.owed("screen/1") == ((answer,), None)
    assert (await some.begin()).snapshot == b"known"


async def test_senders_to_a_full_mailbox_wait_and_keep_their_order(
    make: MakeEngine,
) -> None:
    engine = await make(capacity=2)
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


async def test_mail_that_is_given_up_makes_room_for_a_sender(make: MakeEngine) -> None:
    engine = await make(capacity=1)
    some = await desk(engine, "1")

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(A, "2")]))
        await engine.fail(await some.begin(), error="broken", retry=False)

    assert await some.rest() == ["2"]


async def test_names_are_of_any_letters(make: MakeEngine) -> None:
    engine = await make()

    await engine.enqueue([Letter("x/Анна", Mail("№ 1 \U0001f600", b"body"))])
    turn = await Desk(engine).begin("x/Анна")

    assert (turn.key, turn.mail.id) == ("x/Анна", "№ 1 \U0001f600")


HALF = "half \ud800"


@pytest.mark.parametrize(
    "wrong", [letter(HALF, "1"), Letter(A, Mail(HALF, b""))], ids=["key", "id"]
)
async def test_names_with_half_of_a_character_are_refused_at_once(
    make: MakeEngine, wrong: Letter
) -> None:
    engine = await make()
    some = await desk(engine, "first")

    with pytest.raises(EngineNameError):
        await engine.enqueue([letter(A, "before"), wrong])

    await engine.enqueue([letter(A, "second")])
    assert await some.rest() == ["first", "second"]


@pytest.mark.parametrize(
    ("letters", "owed", "timed"),
    [
        ([letter(HALF, "1")], [], []),
        ([], [Owed("screen/1", HALF, b"")], []),
        ([], [Owed(HALF, "o", b"")], []),
        ([], [], [TimedLetter(HALF, A, 1.0)]),
        ([], [], [TimedLetter("t", HALF, 1.0)]),
    ],
    ids=["mail", "debt", "screen", "letter for later", "its mailbox"],
)
async def test_a_commit_with_half_of_a_character_in_a_name_changes_nothing(
    make: MakeEngine, letters: list[Letter], owed: list[Owed], timed: list[TimedLetter]
) -> None:
    engine = await make()
    turn = await (await desk(engine, "1")).begin()

    with pytest.raises(EngineNameError):
        await engine.commit(
            turn, snapshot=b"one", outbox=letters, owed=owed, timed=timed
        )

    await engine.commit(turn, snapshot=b"two")
    assert await engine.read(A) == b"two"


async def test_a_closed_engine_takes_no_mail_and_gives_out_what_it_has(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1")

    engine.close()
    engine.close()

    with pytest.raises(EngineClosedError) as caught:
        await engine.enqueue([letter(B, "2")])
    assert caught.value.key == B
    assert (await some.begin()).mail.id == "1"


async def test_closing_tells_the_senders_that_wait(make: MakeEngine) -> None:
    engine = await make(capacity=1)
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


async def test_a_narrower_kind_takes_over_what_waits_for_a_slot_of_a_wider_one(
    make: MakeEngine,
) -> None:
    engine = await make()
    for key in ("x/max.1:1", "x/max.2:1", "x/max.1:2"):
        await engine.enqueue([letter(key, "1")])
    wide = Desk(engine, "x", slots=1)

    narrow = Desk(engine, "x/max.2", slots=1)

    assert await wide.leased() == ["x/max.1:1"]
    assert await narrow.leased() == ["x/max.2:1"]


async def test_parked_mail_waits_for_a_program_that_understands_it(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")
    await engine.park(await some.begin(), 2)
    numbers = engine.parked(), engine.waiting()

    engine.serve(["y"], 10, list[str]().append, 2)
    engine.serve(["x"], 10, list[str]().append, 1)
    await idle()
    too_low = engine.parked()
    keys: list[str] = []
    engine.serve(["x"], 10, keys.append, 2)
    await idle()

    assert numbers == (1, 2)
    assert too_low == 1
    assert keys == [A]
    assert engine.parked() == 0


async def test_a_screen_is_leased_once_for_what_it_was_owed_before(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")
    before = Owed("screen/max.1:1", "o", b"before")
    await engine.commit(await some.begin(), snapshot=None, owed=[before])

    screens = Desk(engine, "screen")
    at_first = await screens.leased()
    later = Owed("screen/max.1:2", "o", b"later")
    await engine.commit(await some.begin(), snapshot=None, owed=[later])
    again = Desk(engine, "screen")

    assert at_first == ["screen/max.1:1"]
    assert (await screens.leased(), await again.leased()) == ([], [])
    assert await engine.owed("screen/max.1:2") == ((later,), None)


async def test_what_is_drawn_is_not_owed_any_more_and_told_to_mailboxes(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1")
    owed = [Owed("screen/1", name, name.encode()) for name in "abc"]
    await engine.commit(await some.begin(), snapshot=None, owed=owed)

    await engine.drawn("screen/1", ["a", "c"], letters=[letter(A, "2")], row=b"row")

    assert await engine.owed("screen/1") == ((owed[1],), b"row")
    assert await some.rest() == ["2"]


async def test_a_letter_for_later_comes_at_its_time_once(make: MakeEngine) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    now = loop.wall_time()
    first = [TimedLetter(name, A, now + 100, name.encode()) for name in "abc"]
    changed = [TimedLetter("a", A, now + 50, b"sooner"), TimedLetter("b", A, None)]
    await engine.commit(await some.begin(), snapshot=None, timed=first)
    numbers = [engine.timed()]
    await engine.commit(await some.begin(), snapshot=None, timed=changed)
    numbers.append(engine.timed())

    await asyncio.sleep(60)
    numbers.append(engine.timed())
    sooner = await some.begin()
    await engine.commit(sooner, snapshot=None)
    await asyncio.sleep(60)

    assert (sooner.mail.id, sooner.mail.body) == (f"{A}/a@{now + 50}", b"sooner")
    assert await some.rest() == [f"{A}/c@{now + 100}"]
    assert (numbers, engine.timed()) == ([3, 2, 1], 0)


async def test_an_engine_that_begins_again_has_what_it_had_and_no_leases(
    make: MakeEngine,
) -> None:
    engine = await make()
    some = await desk(engine, "1", "2")
    late = await some.begin()

    await engine.__aexit__()
    async with engine:
        current = await Desk(engine).begin()
        with pytest.raises(FencedError):
            await engine.commit(late, snapshot=b"late")
        await engine.commit(current, snapshot=b"state")

        assert await engine.read(A) == b"state"
        assert engine.waiting() == 1
