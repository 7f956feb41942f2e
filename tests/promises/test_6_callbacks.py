"""Promise 6: callbacks are answered by deadline, outside the mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import Callback, CallbackButton, View
from duologue.errors import BadRequestError, MessengerUnavailableError, RateLimitedError
from duologue.testing import Method, Playground, RecordingBot
from duologue.transport.sandbox import Click, Control, LogEntry, LogKind


async def show_own_button(chat: Playground) -> str:
    return await chat.bot.send_now(1, View("?", ((CallbackButton("!", "own"),),)))


async def test_a_click_is_answered_by_its_deadline_while_a_slow_turn_goes_on(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    slow = await chat.click(1, "hold")
    await held.wait()
    await asyncio.sleep(1)
    waiting = await chat.click(1, "more")
    began = loop.time()

    await asyncio.sleep(10)
    answers = chat.bot.calls_of(Method.ANSWER)
    gate.set()
    await chat.settled()

    assert [call.callback_id for call in answers] == [slow, waiting]
    assert answers[1].time - began == pytest.approx(5.0)
    assert chat.screen(1).text == "2 "
    assert chat.counts.of("callbacks", "deadline") == 2


async def test_a_click_costs_one_call_because_its_answer_carries_the_view(
    chat: Playground,
) -> None:
    calls = len(chat.bot.calls)

    press = await chat.click(1, "more")
    await chat.settled()

    (call,) = chat.bot.calls[calls:]
    assert (call.method, call.callback_id) == (Method.ANSWER, press)
    assert call.view is not None
    assert call.view.text == "1 "


async def test_where_an_answer_carries_no_view_the_click_is_answered_and_edited(
    dispatcher: Dispatcher,
) -> None:
    able = RecordingBot().capabilities
    bot = RecordingBot(capabilities=replace(able, answer_carries_view=False))
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        await chat.click(1, "more")
        await chat.settled()

        assert [call.view for call in bot.calls_of(Method.ANSWER)] == [None]
        assert chat.screen(1).text == "1 "


async def test_an_answer_after_the_deadline_still_leaves_the_view_on_the_screen(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    await chat.click(1, "hold")
    await held.wait()
    await asyncio.sleep(10)

    gate.set()
    await chat.settled()

    assert [call.view for call in chat.bot.calls_of(Method.ANSWER)] == [None]
    assert [call.error for call in chat.bot.calls] == [None] * len(chat.bot.calls)
    assert chat.screen(1).text == "1 "


async def test_a_click_that_is_too_old_to_be_answered_is_drawn_by_an_edit(
    chat: Playground,
) -> None:
    chat.bot.fail(BadRequestError("answer", "too old"), method=Method.ANSWER)

    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "
    assert chat.counts.of("callbacks", "failed") == 1


async def test_a_superseded_click_is_answered_too(chat: Playground) -> None:
    with chat.bot.hold(Method.ANSWER) as hold:
        presses = [await chat.click(1, "more")]
        await hold.reached()
        presses += [await chat.click(1, "more"), await chat.click(1, "more")]
        await asyncio.sleep(1)
    await chat.settled()

    answers = chat.bot.calls_of(Method.ANSWER)
    assert sorted(str(call.callback_id) for call in answers) == sorted(presses)
    assert [call.view is not None for call in answers].count(True) == 2
    assert chat.screen(1).text == "3 "


async def test_presses_that_change_nothing_are_all_answered(
    dispatcher: Dispatcher,
) -> None:
    bot = RecordingBot(calls_per_second=2)
    async with Playground(dispatcher, bot=bot) as chat:
        shown = await show_own_button(chat)

        presses = [await chat.press(1, "own", message_id=shown) for _ in range(10)]
        await chat.settled()

        answers = bot.calls_of(Method.ANSWER)
        assert {call.callback_id for call in answers} == set(presses)
        assert len(answers) == 10


async def test_the_newest_press_is_answered_first_the_others_at_the_messengers_pace(
    chat: Playground, gate: asyncio.Event, held: asyncio.Event
) -> None:
    chat.bot.limit(calls_per_second=2)
    presses = [await chat.click(1, "hold")]
    await held.wait()
    presses += [await chat.click(1, "more") for _ in range(19)]
    began = asyncio.get_running_loop().time()

    await asyncio.sleep(20)
    answers = chat.bot.calls_of(Method.ANSWER)
    gate.set()
    await chat.settled()

    assert answers[0].callback_id == presses[-1]
    assert answers[0].time - began <= 5
    assert [call.callback_id for call in answers[1:]] == presses[:-1]
    assert answers[-1].time - began < 16


async def test_presses_without_a_text_are_dropped_and_counted_beyond_a_hundred_a_chat(
    dispatcher: Dispatcher,
) -> None:
    bot = RecordingBot(calls_per_second=2)
    async with Playground(dispatcher, bot=bot) as chat:
        shown = await show_own_button(chat)

        presses = [await chat.press(1, "own", message_id=shown) for _ in range(200)]
        await chat.settled()

        answers = bot.calls_of(Method.ANSWER)
        dropped = chat.counts.of("callbacks", "dropped")
        assert len(answers) + dropped == 200
        assert 90 < dropped < 100
        assert presses[-1] in {call.callback_id for call in answers}


async def test_twenty_presses_show_twenty_texts(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    chat.bot.limit(calls_per_second=2)
    numbers = iter(range(20))

    async def answer(
        handler: Callable[[Callback, dict[str, object]], Awaitable[object]],
        event: Callback,
        data: dict[str, object],
    ) -> object:
        await event.answer(f"pressed {next(numbers)}", show_alert=True)
        return await handler(event, data)

    dispatcher.callback_query.outer_middleware(answer)

    for _ in range(20):
        await chat.click(1, "more")
    await chat.settled()

    texts = [call.notification for call in chat.bot.calls_of(Method.ANSWER)]
    assert sorted(map(str, texts)) == sorted(f"pressed {n}" for n in range(20))
    assert chat.screen(1).text == "20 "


async def test_a_text_after_the_deadline_is_sent_as_a_message(
    chat: Playground, dispatcher: Dispatcher, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async def answer(
        handler: Callable[[Callback, dict[str, object]], Awaitable[object]],
        event: Callback,
        data: dict[str, object],
    ) -> object:
        result = await handler(event, data)
        await event.answer("at last")
        return result

    dispatcher.callback_query.outer_middleware(answer)

    await chat.click(1, "hold")
    await held.wait()
    await asyncio.sleep(10)
    gate.set()
    await chat.settled()

    assert [call.notification for call in chat.bot.calls_of(Method.ANSWER)] == [None]
    assert [message.text for message in chat.messages(1)][1:] == ["1 ", "at last"]


async def test_an_answer_is_tried_again_until_the_messenger_takes_it(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def answer(callback: Callback) -> None:
        await callback.answer("well done")

    dispatcher.callback_query.register(answer)
    shown = await show_own_button(chat)
    chat.bot.fail(
        RateLimitedError("answer", "too many", 1.0),
        MessengerUnavailableError("answer", "out of order"),
        method=Method.ANSWER,
    )

    press = await chat.press(1, "own", message_id=shown)
    await chat.settled()

    last = chat.bot.calls_of(Method.ANSWER)[-1]
    assert (last.callback_id, last.notification, last.error) == (
        press,
        "well done",
        None,
    )


async def test_a_text_for_a_press_that_cannot_be_answered_any_more_is_a_message(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def answer(callback: Callback) -> None:
        await callback.answer("well done")

    dispatcher.callback_query.register(answer)
    shown = await show_own_button(chat)
    chat.bot.fail(BadRequestError("answer", "too old"), method=Method.ANSWER)

    await chat.press(1, "own", message_id=shown)
    await chat.settled()

    assert chat.screen(1).text == "well done"


async def test_the_press_whose_view_is_refused_is_answered(chat: Playground) -> None:
    refused = [BadRequestError("answer", "bad text"), BadRequestError("edit", "no")]
    chat.bot.fail(refused[0], method=Method.ANSWER)
    chat.bot.fail(refused[1], method=Method.EDIT)

    press = await chat.click(1, "more")
    await chat.settled()

    last = chat.bot.calls_of(Method.ANSWER)[-1]
    assert (last.callback_id, last.view, last.error) == (press, None, None)


async def test_the_text_with_which_a_handler_answers_arrives(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def answer(callback: Callback) -> None:
        await callback.answer("well done")

    dispatcher.callback_query.register(answer)
    shown = await chat.bot.send_now(1, View("?", ((CallbackButton("!", "own"),),)))

    press = await chat.press(1, "own", message_id=shown)
    await chat.settled()

    (call,) = chat.bot.calls_of(Method.ANSWER)
    assert (call.callback_id, call.notification) == (press, "well done")


async def test_the_answer_of_a_handler_travels_with_the_view(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def answer(
        handler: Callable[[Callback, dict[str, object]], Awaitable[object]],
        event: Callback,
        data: dict[str, object],
    ) -> object:
        await event.answer("well done")
        return await handler(event, data)

    dispatcher.callback_query.outer_middleware(answer)

    await chat.click(1, "more")
    await chat.settled()

    (call,) = chat.bot.calls_of(Method.ANSWER)
    assert call.notification == "well done"
    assert call.view is not None


async def test_the_answer_of_a_handler_that_fails_is_not_sent(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def answer(callback: Callback) -> None:
        await callback.answer("well done")
        raise ArithmeticError

    dispatcher.callback_query.register(answer)
    shown = await chat.bot.send_now(1, View("?", ((CallbackButton("!", "own"),),)))

    await chat.press(1, "own", message_id=shown)
    await chat.settled()

    assert [call.notification for call in chat.bot.calls_of(Method.ANSWER)] == [None]
    chat.take_errors()


async def test_a_click_that_nobody_handles_is_answered(chat: Playground) -> None:
    shown = await chat.bot.send_now(1, View("?", ((CallbackButton("!", "own"),),)))

    press = await chat.press(1, "own", message_id=shown)
    await chat.settled()

    answers = chat.bot.calls_of(Method.ANSWER)
    assert [call.callback_id for call in answers] == [press]


async def test_a_click_on_a_button_that_changes_nothing_is_answered(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def stop(handler: object, event: object, data: object) -> None:
        del handler, event, data

    dispatcher.callback_query.outer_middleware(stop)

    press = await chat.click(1, "more")
    await chat.settled()

    (answer,) = chat.bot.calls_of(Method.ANSWER)
    assert (answer.callback_id, answer.view) == (press, None)
    assert answer.notification is None


async def test_a_middleware_that_forgets_the_result_does_not_undo_a_click(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def forget(
        handler: Callable[[Callback, dict[str, object]], Awaitable[object]],
        event: Callback,
        data: dict[str, object],
    ) -> None:
        await handler(event, data)

    dispatcher.callback_query.outer_middleware(forget)

    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "
    assert chat.counts.of("turns", "refused") == 0


async def test_a_held_mailbox_leaves_no_spinning_button_on_the_messenger(
    control: Control,
    runtime: Runtime,
    window: LogEntry,
    ann: int,
    *,
    gate: asyncio.Event,
    held: asyncio.Event,
) -> None:
    mid = window.message_id or ""
    began = asyncio.get_running_loop().time()

    # In one batch: with the in-memory engine the next is fetched after the turn.
    await control.act(Click(ann, mid, "hold"), Click(ann, mid, "more"))
    after = (await control.log())[-1].seq
    notices = [
        await control.wait_for(
            lambda entry: entry.kind == LogKind.NOTIFICATION, after=after
        )
    ]
    notices.append(
        await control.wait_for(
            lambda entry: entry.kind == LogKind.NOTIFICATION, after=notices[0].seq
        )
    )
    took = asyncio.get_running_loop().time() - began
    gate.set()
    await runtime.settled()

    assert held.is_set()
    assert took < 10
    assert [notice.text for notice in notices] == [" ", " "]
    shown = await control.messages(window.chat_id or 0)
    assert shown[-1].text == "2 "


async def test_a_click_on_the_messenger_is_one_request(
    control: Control, runtime: Runtime, window: LogEntry, ann: int
) -> None:
    before = await control.requests()

    await control.click(ann, window.message_id or "", text="more")
    await control.wait_for(lambda entry: entry.text == "1 ")
    await runtime.settled()

    counted = {(count.method, count.path) for count in await control.requests()}
    new = counted - {(count.method, count.path) for count in before}
    assert new == {("POST", "/answers")}
