"""Promise 7: updates are acknowledged when they are safe, and handled once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import MemoryEngine
from duologue.dialogs import ErrorEvent, MessageCreated, Settings
from duologue.errors import (
    EngineClosedError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
)
from duologue.testing import Playground
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, LogEntry, LogKind, Sandbox, Say
from tests.promises.conftest import Counter


async def everything_is_acknowledged(control: Control) -> None:
    while (await control.position()).queued:  # noqa: ASYNC110 - another program
        await asyncio.sleep(1)


async def test_an_update_that_is_delivered_twice_is_handled_once(
    chat: Playground,
) -> None:
    await chat.click(1, "more")
    await chat.deliver(chat.updates[-1])
    await chat.settled()

    assert chat.screen(1).text == "1 "
    assert chat.counts.of("updates", "duplicate") == 1


async def test_a_press_that_was_refused_is_not_handled_when_it_comes_again(
    chat: Playground,
) -> None:
    message = chat.screen(1)
    await chat.click(1, "other")
    await chat.settled()
    await chat.press(1, message.payload_of("more") or "", message_id=message.id)
    refused = chat.updates[-1]
    _receipt = await chat.dialog(1).switch_to(Counter.showing)
    await chat.settled()

    await chat.deliver(refused)
    await chat.settled()

    assert chat.screen(1).text == "0 "
    assert chat.counts.of("updates", "duplicate") == 1


@pytest.mark.parametrize("is_handled", [False, True], ids=["set aside", "handled"])
async def test_an_update_whose_turn_failed_is_not_handled_when_it_comes_again(
    dispatcher: Dispatcher, *, is_handled: bool
) -> None:
    tries: list[str | None] = []

    async def fail(message: MessageCreated) -> None:
        tries.append(message.text)
        raise ArithmeticError("no such number")

    async def take(_: ErrorEvent) -> None:
        pass

    dispatcher.message.register(fail)
    if is_handled:
        dispatcher.error.register(take)
    async with Playground(dispatcher) as chat:
        await chat.say(1, "hello")
        await chat.settled()
        await chat.deliver(chat.updates[-1])
        await chat.settled()
        chat.take_errors()

    assert tries == ["hello"]


async def test_an_update_is_recognised_after_a_hundred_others(chat: Playground) -> None:
    await chat.click(1, "more")
    first = chat.updates[-1]
    for _ in range(100):
        await chat.say(1, "hello")

    await chat.deliver(first)
    await chat.settled()

    assert chat.screen(1).text == "1 "


async def test_an_update_is_recognised_after_its_actor_was_let_go(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher, settings=Settings(idle_after=1)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()
        await asyncio.sleep(60)

        await chat.deliver(chat.updates[-1])
        await chat.settled()

        assert chat.screen(1).text == "1 "


@pytest.mark.in_memory
async def test_an_update_whose_turn_failed_is_done_with(chat: Playground) -> None:
    shown = chat.screen(1)
    payload = shown.payload_of("fail")
    raw = chat.bot.pressed(1, 1, payload or "", message_id=shown.id)

    safe = await chat.runtime.accept(chat.bot, raw)

    assert safe is not None
    await safe
    chat.take_errors()


@pytest.mark.in_memory
async def test_an_update_is_safe_only_after_its_turn(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    shown = chat.screen(1)
    payload = shown.payload_of("hold")
    raw = chat.bot.pressed(1, 1, payload or "", message_id=shown.id)

    safe = await chat.runtime.accept(chat.bot, raw)
    assert safe is not None
    await held.wait()
    await asyncio.sleep(10)
    was_safe = safe.done()
    gate.set()
    await safe

    assert not was_safe


@pytest.mark.in_memory
@pytest.mark.usefixtures("gate")
async def test_an_update_that_was_not_handled_when_the_runtime_stops_is_not_safe(
    dispatcher: Dispatcher, held: asyncio.Event
) -> None:
    async with Playground(dispatcher, drain=5) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        shown = chat.screen(1)
        presses = [
            chat.bot.pressed(1, 1, shown.payload_of(label) or "", message_id=shown.id)
            for label in ("hold", "more")
        ]
        held_up, waiting = [await chat.runtime.accept(chat.bot, raw) for raw in presses]
        await held.wait()

    for safe in (held_up, waiting):
        assert safe is not None
        with pytest.raises(RuntimeStoppedError):
            await safe


@pytest.mark.in_memory
async def test_of_a_stop_with_one_unfinished_turn_only_its_update_comes_again(
    sandbox: Sandbox, control: Control, tmp_path: Path
) -> None:
    began: list[str] = []
    is_held, gate = asyncio.Event(), asyncio.Event()

    async def run_until(is_reached: asyncio.Event) -> None:
        dispatcher = Dispatcher()

        @dispatcher.message()
        async def take(event: MessageCreated) -> None:
            began.append(event.text)
            if event.text == "hold":
                is_held.set()
                await gate.wait()
            if event.text == "last":
                is_last.set()

        bot = Bot(sandbox.token, base_url=sandbox.url)
        async with Runtime(dispatcher, [bot], state_dir=tmp_path, drain=1):
            await is_reached.wait()
            await asyncio.sleep(5)

    is_last = asyncio.Event()
    users = [await control.add_user(f"User {number}") for number in range(100)]
    await control.act(
        Say(users[0], "hold"),
        *(Say(user, f"text {user}") for user in users[1:99]),
        Say(users[99], "last"),
    )

    await run_until(is_held)
    first, began = began, []
    is_last.clear()
    gate.set()
    await control.say(users[99], "last")
    await run_until(is_last)

    assert len(first) == 100
    assert began == ["hold", "last"]


@pytest.mark.in_memory
async def test_a_turn_that_ends_within_the_drain_is_finished_and_drawn(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher, drain=5) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        for _ in range(20):
            await chat.click(1, "more")

    assert chat.screen(1).text == "20 "


async def test_clicks_that_the_messenger_delivers_twice_count_once(
    control: Control, runtime: Runtime, window: LogEntry, ann: int
) -> None:
    for _ in range(5):
        await control.click(ann, window.message_id or "", text="more")
    await control.duplicate(5)
    position = await control.position()

    await control.wait_for(lambda entry: entry.text == "5 ", timeout=60)
    await everything_is_acknowledged(control)
    await runtime.settled()

    shown = await control.messages(window.chat_id or 0)
    assert shown[-1].text == "5 "
    assert (await control.position()).committed >= position.next


@pytest.mark.in_memory
async def test_the_messenger_is_not_told_that_an_update_is_handled_before_it_is(
    control: Control,
    runtime: Runtime,
    window: LogEntry,
    ann: int,
    *,
    gate: asyncio.Event,
    held: asyncio.Event,
) -> None:
    clicked = await control.click(ann, window.message_id or "", text="hold")
    await held.wait()
    await asyncio.sleep(20)

    during = await control.position()
    gate.set()
    await runtime.settled()
    await everything_is_acknowledged(control)

    assert len(clicked.positions) == 1
    assert [update.position for update in during.queued] == list(clicked.positions)


@pytest.mark.usefixtures("gate")
async def test_a_second_cancellation_while_updates_are_finished_ends_everything_too(
    sandbox: Sandbox,
    control: Control,
    dispatcher: Dispatcher,
    tmp_path: Path,
    *,
    held: asyncio.Event,
) -> None:
    bot = Bot(sandbox.token, base_url=sandbox.url)
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path, drain=100)

    async def serve() -> None:
        async with runtime:
            await runtime.wait()

    ann = await control.add_user("Ann")
    async with asyncio.TaskGroup() as group:
        program = group.create_task(serve())
        await control.say(ann, "/start")
        shown = await control.wait_for(lambda entry: entry.kind == LogKind.MESSAGE)
        await control.click(ann, shown.message_id or "", text="hold")
        await held.wait()
        dialog = runtime.dialog(chat_id=2, user_id=2)
        program.cancel()
        await asyncio.sleep(1)
        program.cancel()

    with pytest.raises(EngineClosedError):
        _receipt = await dialog.update({"k": 1})
    with pytest.raises(RuntimeNotStartedError):
        runtime.dialog(chat_id=2, user_id=2)
    with pytest.raises(RuntimeNotStartedError):
        await runtime.settled()


async def test_marks_of_polled_updates_but_for_the_newest_go_with_the_next_batch(
    dispatcher: Dispatcher, sandbox: Sandbox, control: Control, tmp_path: Path
) -> None:
    bot, engine = Bot(sandbox.token, base_url=sandbox.url), MemoryEngine()
    ann = await control.add_user("Ann")
    key = ""

    async def say_and_measure(count: int) -> int:
        for _ in range(count):
            await control.say(ann, "hello")
            await everything_is_acknowledged(control)
        return len(await engine.read(key) or b"")

    async with Runtime(dispatcher, [bot], engine=engine, state_dir=tmp_path):
        await say_and_measure(1)
        (chat,) = await control.chats(ann)
        key = f"dialog/max.{sandbox.bot_id}:{chat.chat_id}:{ann}"
        first, later = await say_and_measure(20), await say_and_measure(20)

    assert later - first < 10
