"""What the engine in memory promises beyond what every engine does."""

from __future__ import annotations

import asyncio

import pytest

from duologue.actors import Letter, Mail, MemoryEngine, Opened
from duologue.errors import MailboxFullError

A, B = "x/a", "x/b"


def letter(key: str, name: str) -> Letter:
    return Letter(key, Mail(name, name.encode()))


async def idle() -> None:
    """Return when every task waits for something that has yet to happen."""
    await asyncio.sleep(1)


async def opened(engine: MemoryEngine, key: str = A) -> Opened:
    turn = await engine.open(key)
    assert turn is not None
    return turn


async def full(keys: list[str]) -> MemoryEngine:
    """An engine with room for one in each mailbox, A taken, its keys served."""
    engine = MemoryEngine(capacity=1)
    engine.serve(["x"], 10, keys.append)
    await engine.enqueue([letter(A, "1")])
    return engine


async def rest(engine: MemoryEngine) -> list[str]:
    """Handle what is left in A, and tell what it was."""
    names: list[str] = []
    await idle()
    while (turn := await engine.open(A)) is not None:
        names.append(turn.mail.id)
        await engine.commit(turn, snapshot=None)
        await idle()
    return names


def test_mail_in_memory_does_not_outlive_the_process() -> None:
    assert not MemoryEngine().durable


def test_mail_for_which_there_is_room_leases_its_key_without_suspending() -> None:
    keys: list[str] = []
    engine = MemoryEngine()
    engine.serve(["x"], 10, keys.append)

    with pytest.raises(StopIteration):
        engine.enqueue([letter(A, "1")]).send(None)

    assert keys == [A]


async def test_a_commit_leases_again_before_it_returns() -> None:
    keys: list[str] = []
    engine = MemoryEngine()
    engine.serve(["x"], 1, keys.append)
    for key in (A, A, B):
        await engine.enqueue([letter(key, "1")])

    with pytest.raises(StopIteration):
        engine.commit(await opened(engine), snapshot=None).send(None)

    assert keys == [A, B]


async def test_whoever_serves_a_kind_anew_takes_over_what_waits_there() -> None:
    before: list[str] = []
    after: list[str] = []
    engine = MemoryEngine()
    engine.serve(["x"], 1, before.append)
    for key in (A, B, "x/c"):
        await engine.enqueue([letter(key, "1")])

    engine.serve(["x"], 1, after.append)
    at_once = after.copy()
    await engine.commit(await opened(engine, A), snapshot=None)
    old_slot_is_not_a_new_one = after.copy()
    await engine.commit(await opened(engine, B), snapshot=None)

    assert before == [A]
    assert at_once == old_slot_is_not_a_new_one == [B]
    assert after == [B, "x/c"]


async def test_an_outbox_does_not_take_the_place_of_waiting_senders() -> None:
    engine = await full([])
    await engine.enqueue([letter(B, "x")])

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(A, "2")]))
        await idle()
        # There is room for 2, whose sender has yet to run.
        await engine.commit(await opened(engine, A), snapshot=None)
        turn = await opened(engine, B)
        with pytest.raises(MailboxFullError):
            await engine.commit(turn, snapshot=None, outbox=[letter(A, "3")])

    assert await rest(engine) == ["2"]


async def test_a_key_is_not_opened_before_the_sender_runs_that_has_a_place() -> None:
    keys: list[str] = []
    engine = await full(keys)

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(A, "2")]))
        await idle()
        turn = await opened(engine)
        following = await engine.commit(turn, snapshot=None, keep=True)
        early = await engine.open(A)

    assert following is early is None
    assert keys == [A, A]
    assert await rest(engine) == ["2"]


async def test_who_comes_while_others_wait_stands_behind_them() -> None:
    engine = await full([])

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(A, "2")]))
        await idle()
        # There is room again, and the sender that waits for it has yet to run.
        await engine.commit(await opened(engine), snapshot=None)
        order = group.create_task(rest(engine))
        await engine.enqueue([letter(A, "3")])

    assert order.result() == ["2", "3"]


@pytest.mark.parametrize("others", [["3"], []])
@pytest.mark.parametrize("is_early", [True, False])
async def test_a_sender_cancelled_about_when_its_place_is_free_passes_it_on(
    others: list[str],
    is_early: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    engine = await full([])
    turn = await opened(engine)

    async with asyncio.TaskGroup() as group:
        cancelled = group.create_task(engine.enqueue([letter(A, "2")]))
        for name in others:
            group.create_task(engine.enqueue([letter(A, name)]))
        await idle()
        if is_early:
            cancelled.cancel()
        await engine.commit(turn, snapshot=None)
        cancelled.cancel()
        order = await rest(engine)
        for_later = engine.waiting()
        engine.close()

    assert (order, for_later) == (others, 0)


async def test_a_sender_with_a_place_is_heard_though_the_engine_closes() -> None:
    engine = await full([])

    async with asyncio.TaskGroup() as group:
        group.create_task(engine.enqueue([letter(A, "2")]))
        await idle()
        await engine.commit(await opened(engine), snapshot=None)
        engine.close()

    assert await rest(engine) == ["2"]
