"""States on an engine that is away at times, or hands over what nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from duologue.actors import Letter, Mail, MemoryEngine, Opened
from duologue.dialogs._state import _values
from duologue.errors import (
    EngineUnavailableError,
    FencedError,
    SnapshotTooLargeError,
    StateEndedError,
)
from duologue.state import AsyncState, States
from tests.promises.test_engine_outages import Unsteady
from tests.state.conftest import states_on

KEY = "state/Kept:max.1:7"


class Kept(AsyncState, scope="user"):
    pass


@pytest.fixture
async def engine() -> AsyncIterator[Unsteady]:
    async with Unsteady() as made:
        yield made


@pytest.fixture
async def states(engine: Unsteady) -> AsyncIterator[States]:
    async with states_on(engine) as made:
        yield made


@pytest.fixture
def state(states: States) -> Kept:
    return states.of(Kept, user_id=7)


@pytest.mark.parametrize("call", ["enqueue", "commit"])
async def test_who_asks_is_told_of_an_outage_and_nothing_is_written(
    engine: Unsteady, state: Kept, call: str
) -> None:
    engine.refusing.append(call)

    with pytest.raises(EngineUnavailableError):
        await state.incr("n")

    assert await state.incr("n") == 1


async def test_mail_that_cannot_be_opened_is_opened_later(
    engine: Unsteady, state: Kept
) -> None:
    engine.refusing.append("open")

    assert await state.incr("n") == 1


async def test_what_was_written_though_nobody_was_told_is_there_once(
    engine: Unsteady, state: Kept
) -> None:
    engine.forgetting.append("commit")

    with pytest.raises(EngineUnavailableError):
        await state.incr("n")

    assert await state.get("n") == 1


async def test_who_has_lost_the_state_waits_until_it_is_changed(
    engine: Unsteady, state: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(opened: Opened, **_: object) -> None:
        monkeypatch.undo()
        await engine.fail(opened, error="taken over", retry=True)
        raise FencedError(opened.key)

    monkeypatch.setattr(engine, "commit", take)

    assert await state.incr("n") == 1
    assert await state.incr("n") == 2


async def test_mail_of_a_process_that_has_ended_changes_nothing(
    engine: Unsteady, state: Kept
) -> None:
    await engine.enqueue([Letter(KEY, Mail("of another process", b""))])

    assert await state.incr("n") == 1


async def test_mail_of_another_version_becomes_a_dead_letter(
    engine: Unsteady, state: Kept
) -> None:
    body, _ = _values.write(["Kept", None, [["Turn", 1]]], ["a", "b", "c"])
    await engine.enqueue([Letter(KEY, Mail("newer", body))])

    assert await state.incr("n") == 1
    assert [one.mail.id for one in engine.dead_letters()] == ["newer"]


async def test_mail_that_would_grow_too_large_becomes_a_dead_letter() -> None:
    async with MemoryEngine(max_snapshot=100) as engine, states_on(engine) as states:
        state = states.of(Kept, user_id=7)
        body, _ = _values.write(["Kept", None, [["Put", {"a": "x" * 200}]]], "abc")
        await engine.enqueue([Letter(KEY, Mail("large", body))])

        assert await state.incr("n") == 1
        assert [one.mail.id for one in engine.dead_letters()] == ["large"]
        with pytest.raises(SnapshotTooLargeError):
            await state.set("a", "x" * 200)


async def test_what_was_asked_for_happens_though_nobody_waits_any_more(
    state: Kept,
) -> None:
    async def impatient() -> None:
        async with asyncio.timeout(0):
            await state.incr("n")

    with pytest.raises(TimeoutError):
        await impatient()

    assert await state.get("n") == 1


async def test_the_end_of_the_runtime_tells_who_waits(engine: Unsteady) -> None:
    async with asyncio.TaskGroup() as group, states_on(engine) as states:
        state = states.of(Kept, user_id=7)
        engine.refusing.extend(["open"] * 100)
        first = group.create_task(_error(state))
        await asyncio.sleep(0.5)
        second = group.create_task(_error(state))
        await asyncio.sleep(0)

    assert isinstance(first.result(), StateEndedError)
    assert isinstance(second.result(), StateEndedError)


async def _error(state: Kept) -> Exception | None:
    try:
        await state.incr("n")
    except Exception as error:  # noqa: BLE001  # whatever it is
        return error
    return None
