"""Whatever a handler sends belongs to its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from duologue import Dispatcher
from duologue.actors import MemoryEngine
from duologue.dialogs import (
    Bot,
    Callback,
    CallbackButton,
    Dialog,
    DialogManager,
    ErrorEvent,
    MessageCreated,
    Sent,
    ShowMode,
    State,
    StatesGroup,
    TaskGroup,
    View,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.input import MessageInput
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    MessageTextError,
    MessengerUnavailableError,
    RateLimitedError,
    SentIdError,
    WrongArgumentError,
)
from duologue.testing import Method, Playground, RecordingBot

Handler = Callable[[MessageCreated], Awaitable[object]]


class Form(StatesGroup):
    open = State()


def bot_of(handler: Handler) -> Dispatcher:
    """A bot with one handler of messages."""
    dispatcher = Dispatcher()
    dispatcher.message.register(handler)
    return dispatcher


def form_of(
    on_message: Callable[[MessageCreated, object, DialogManager], Awaitable[object]],
    on_click: Callable[[Callback, object, DialogManager], Awaitable[object]],
) -> Dispatcher:
    """A bot with a dialog that takes messages and presses."""

    async def start(_: object, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Form.open)

    dispatcher = Dispatcher()
    dispatcher.message.register(start, CommandStart())
    dispatcher.include_router(
        Dialog(
            Window(
                Format("window {dialog_data[n]}"),
                Button(Const("press"), id="press", on_click=on_click),
                MessageInput(on_message),
                state=Form.open,
            ),
            on_start=count,
        )
    )
    return dispatcher


async def count(_: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = manager.dialog_data.get("n", 0) + 1


async def ignore(_: object, __: object, ___: DialogManager) -> None:
    """Do nothing."""


def shown(chat: Playground, chat_id: int = 1) -> list[str]:
    """What the bot shows in a chat."""
    return [each.text for each in chat.messages(chat_id) if each.user_id is None]


async def test_five_answers_to_five_messages_all_arrive_within_the_limits() -> None:
    async def answer(message: MessageCreated) -> None:
        await message.answer(f"you wrote {message.text}")

    bot = RecordingBot(calls_per_second=2)
    async with Playground(bot_of(answer), bot=bot) as chat:
        for number in range(5):
            await chat.say(1, str(number))
        await chat.settled()

        assert shown(chat) == [f"you wrote {number}" for number in range(5)]
        times = [call.time for call in bot.calls_of(Method.SEND)]
        assert times[2] - times[0] >= 1
        assert times[4] - times[2] >= 1


async def test_an_answer_has_markup_and_buttons_and_quotes_what_it_replies_to() -> None:
    async def answer(message: MessageCreated) -> None:
        buttons = [[CallbackButton("yes", "y"), CallbackButton("no", "n")]]
        await message.message.answer("<b>sure?</b>", "HTML", buttons)
        await message.reply("quoted")

    async with Playground(bot_of(answer)) as chat:
        asked = await chat.say(1, "hello")
        await chat.settled()

        first, second = chat.bot.calls_of(Method.SEND)
        assert first.view == View(
            "<b>sure?</b>",
            ((CallbackButton("yes", "y"), CallbackButton("no", "n")),),
            "html",
        )
        assert (first.reply_to, second.reply_to) == (None, asked)


async def test_a_turn_that_fails_sends_nothing() -> None:
    async def answer(message: MessageCreated) -> None:
        await message.answer("one")
        await message.bot.send(1, View("two"))
        await message.bot.send_message(2, "three")
        raise ArithmeticError

    async with Playground(bot_of(answer)) as chat:
        await chat.say(1, "hello")
        await chat.settled()
        chat.take_errors()

        assert chat.bot.calls == ()


async def test_a_global_bot_takes_part_in_the_turn_as_well() -> None:
    bot = RecordingBot()

    async def answer(_: MessageCreated) -> None:
        await bot.send(1, View("never"))
        raise ArithmeticError

    async with Playground(bot_of(answer), bot=bot) as chat:
        await chat.say(1, "hello")
        await chat.settled()
        chat.take_errors()

        assert bot.calls == ()


async def test_answers_leave_in_order_with_the_windows_of_the_dialog() -> None:
    async def answer(
        message: MessageCreated, _: object, manager: DialogManager
    ) -> None:
        await message.answer(f"thanks for {message.text}")
        manager.dialog_data["n"] += 1
        await manager.show(ShowMode.SEND)

    async with Playground(form_of(answer, ignore)) as chat:
        await chat.say(1, "/start")
        with chat.bot.hold():
            await chat.say(1, "a")
            await chat.say(1, "b")
        await chat.settled()

        assert shown(chat) == [
            "window 1",
            "thanks for a",
            "window 2",
            "thanks for b",
            "window 3",
        ]


async def test_an_answer_is_tried_again_after_a_429_and_an_outage() -> None:
    async def answer(message: MessageCreated) -> None:
        await message.answer("at last")

    async with Playground(bot_of(answer)) as chat:
        chat.bot.fail(
            RateLimitedError("send", "too many", 1.0),
            MessengerUnavailableError("send", "out of order"),
        )
        await chat.say(1, "hello")
        await chat.settled()

        assert shown(chat) == ["at last"]


async def test_changes_through_the_handle_queue_behind_the_message() -> None:
    kept: list[Sent] = []

    async def answer(message: MessageCreated) -> None:
        sent = await message.answer("loading")
        await sent.edit_text("loaded", reply_markup=[[CallbackButton("ok", "ok")]])
        other = await message.answer("to be deleted")
        await other.delete()
        kept.append(sent)

    async with Playground(bot_of(answer)) as chat:
        await chat.say(1, "hello")
        await chat.settled()

        (message,) = [each for each in chat.messages(1) if each.user_id is None]
        assert (message.text, message.labels) == ("loaded", (("ok",),))
        assert kept[0].id == kept[0].message_id == message.id


async def test_the_id_inside_the_turn_raises_and_names_at_once() -> None:
    ids: list[str] = []

    async def answer(message: MessageCreated) -> None:
        sent = await message.answer("later")
        with pytest.raises(SentIdError, match="at_once=True"):
            ids.append(sent.id)

    async with Playground(bot_of(answer)) as chat:
        await chat.say(1, "hello")
        await chat.settled()

        assert shown(chat) == ["later"]


async def test_at_once_sends_now_and_for_good() -> None:
    ids: list[str] = []

    async def answer(message: MessageCreated) -> None:
        await message.answer("queued")
        sent = await message.answer("now", at_once=True)
        ids.append(sent.id)
        await message.bot.send(1, View("now too"), at_once=True)
        raise ArithmeticError

    async with Playground(bot_of(answer)) as chat:
        await chat.say(1, "hello")
        await chat.settled()
        chat.take_errors()

        assert shown(chat) == ["now", "now too"]
        assert ids == [chat.messages(1)[1].id]


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_handle_is_kept_in_the_data_and_used_in_a_later_turn(
    limit: int | None,
) -> None:
    seen: list[str | None] = []

    async def answer(
        message: MessageCreated, _: object, manager: DialogManager
    ) -> None:
        if "sent" not in manager.dialog_data:
            manager.dialog_data["sent"] = await message.answer("first")
            return
        kept: Sent = manager.dialog_data["sent"]
        seen.append(kept.known_id())
        await kept.edit_text(message.text)

    bot = RecordingBot(calls_per_second=limit)
    engine = MemoryEngine()
    async with Playground(form_of(answer, ignore), bot=bot, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.say(1, "one")
        await chat.say(1, "two")  # the message may still be waiting
        await chat.settled()
        await chat.say(1, "three")
        await chat.settled()

        (message,) = [
            each
            for each in chat.messages(1)
            if each.text in ("first", "two", "three") and each.user_id is None
        ]
        assert message.text == "three"
        assert seen[-1] == message.id


async def test_messages_to_another_chat_leave_with_the_commit_too() -> None:
    async def answer(message: MessageCreated) -> None:
        sent = await message.bot.send_message(7, "somebody wrote")
        await sent.edit_text(f"somebody wrote {message.text}")
        await message.answer("told")

    async with Playground(bot_of(answer)) as chat:
        with chat.bot.hold(chat_id=7):
            await chat.say(1, "hello")
            await asyncio.sleep(1)
            told = shown(chat)
        await chat.settled()

        assert told == ["told"]
        assert shown(chat, 7) == ["somebody wrote hello"]


async def test_error_handlers_send_with_their_own_turn() -> None:
    async def answer(message: MessageCreated) -> None:
        await message.answer("never seen")
        raise ArithmeticError

    async def sorry(event: ErrorEvent) -> None:
        await event.answer("sorry")

    dispatcher = bot_of(answer)
    dispatcher.error.register(sorry)
    async with Playground(dispatcher) as chat:
        await chat.say(1, "hello")
        await chat.settled()

        assert shown(chat) == ["sorry"]


async def test_a_window_whose_message_was_edited_is_drawn_anew_though_unchanged() -> (
    None
):
    async def edit(callback: Callback, _: object, manager: DialogManager) -> None:
        assert callback.message is not None
        await callback.message.edit_text("overwritten")
        await callback.message.answer("beside it")
        manager.show_mode = ShowMode.NO_UPDATE

    async with Playground(form_of(ignore, edit)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "press")
        await chat.settled()
        overwritten = shown(chat)

        receipt = await chat.dialog(1).update({})
        await receipt
        await chat.settled()

        assert overwritten == ["overwritten", "beside it"]
        assert shown(chat) == ["window 1", "beside it"]


async def test_a_window_whose_message_was_deleted_comes_back_with_the_next_view() -> (
    None
):
    async def delete(callback: Callback, _: object, manager: DialogManager) -> None:
        assert callback.message is not None
        await callback.message.delete()
        manager.dialog_data["n"] += 1

    async with Playground(form_of(ignore, delete)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        old = chat.screen(1).id
        await chat.click(1, "press")
        await chat.settled()

        assert chat.bot.message(old) is None
        assert shown(chat) == ["window 2"]


async def test_an_answer_does_not_keep_a_closed_window_from_losing_its_buttons() -> (
    None
):
    async def close(callback: Callback, _: object, manager: DialogManager) -> None:
        assert callback.message is not None
        await callback.message.answer("bye")
        await manager.done()

    async with Playground(form_of(ignore, close)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "press")
        await chat.settled()

        assert shown(chat) == ["window 1", "bye"]
        assert [message.labels for message in chat.messages(1)] == [(), (), ()]


async def test_typing_is_shown_at_once_and_its_failure_harms_nobody() -> None:
    async def answer(message: MessageCreated) -> None:
        await message.answer_chat_action("typing")
        await message.bot.send_chat_action(1, "upload_photo")
        await message.answer("done")

    async with Playground(bot_of(answer)) as chat:
        chat.bot.fail(MessengerUnavailableError("act", "no"), method=Method.ACT)
        await chat.say(1, "hello")
        await chat.settled()

        actions = [call.action for call in chat.bot.calls_of(Method.ACT)]
        assert actions == ["typing", "upload_photo"]
        assert shown(chat) == ["done"]


async def test_outside_a_turn_a_message_waits_for_the_limits_and_is_sent() -> None:
    bot = RecordingBot(calls_per_second=2)
    async with Playground(Dispatcher(), bot=bot):
        sent = [await bot.send(1, View(str(number))) for number in range(5)]
        await sent[0].edit_text("changed")
        await sent[1].delete()

        times = [call.time for call in bot.calls_of(Method.SEND)]
        assert times[-1] - times[0] > 1.9
        assert [each.text for each in bot.messages(1)] == ["changed", "2", "3", "4"]


async def test_a_task_may_go_on_with_the_handle_of_its_turn() -> None:
    async def finish(sent: Sent) -> None:
        await sent.edit_text("done")
        assert sent.id

    async def answer(message: MessageCreated, task_group: TaskGroup) -> None:
        sent = await message.answer("working")
        task_group.start_soon(finish, sent)

    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    bot = RecordingBot(calls_per_second=1)
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "hello")
        await chat.settled()
        await asyncio.sleep(10)
        await chat.settled()

        assert shown(chat) == ["done"]


@pytest.mark.parametrize(
    ("text", "buttons", "expected"),
    [
        (5, (), "a text or a View"),
        (Const("hi"), (), "a text or a View"),
        ("hi", [CallbackButton("Yes", "y")], r"rows of buttons: \[\["),
        ("hi", CallbackButton("Yes", "y"), r"rows of buttons: \[\["),
        ("hi", [["Yes"]], r"rows of buttons: \[\["),
    ],
)
async def test_what_is_no_text_and_no_rows_of_buttons_is_refused_with_what_to_give(
    text: Json, buttons: Json, expected: str
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: MessageCreated) -> None:
        with pytest.raises(WrongArgumentError, match=expected):
            await message.answer(text, reply_markup=buttons)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()


async def test_a_bot_sends_and_edits_plain_texts_too() -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: MessageCreated, bot: Bot) -> None:
        sent = await bot.send(message.chat_id, "one")
        await bot.edit(message.chat_id, sent, "two")
        await message.answer("three", reply_markup=None)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()

        assert shown(chat) == ["two", "three"]


@pytest.mark.parametrize("text", ["", " \n", "x" * 4001])
async def test_a_text_that_no_messenger_takes_is_refused_in_the_handler(
    text: str,
) -> None:
    async def answer(message: MessageCreated) -> None:
        with pytest.raises(MessageTextError):
            await message.answer(text)
        with pytest.raises(MessageTextError):
            await message.answer("fine", parse_mode="rtf")
        await message.answer("went on")

    async with Playground(bot_of(answer)) as chat:
        await chat.say(1, "hello")
        await chat.settled()

        assert shown(chat) == ["went on"]
