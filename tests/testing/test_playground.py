"""The tools for bot authors' tests."""

from __future__ import annotations

import asyncio

import pytest

from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Update,
    UserAdded,
    Window,
)
from duologue.dialogs.widgets.kbd import Button, Url
from duologue.dialogs.widgets.text import Const
from duologue.errors import LinkPressedError, NotShownError
from duologue.testing import Method, Playground


class Main(StatesGroup):
    one = State()


async def count(_: Callback, _button: Button, manager: DialogManager) -> None:
    manager.dialog_data["n"] = manager.dialog_data.get("n", 0) + 1


def make_dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(
                "{dialog_data}",
                Button(Const("+"), id="plus", on_click=count),
                state=Main.one,
            )
        )
    )

    @dispatcher.message()
    async def start(event: MessageCreated, manager: DialogManager) -> None:
        if event.text == "fail":
            raise LookupError(event.text)
        await manager.start(Main.one)

    return dispatcher


async def test_a_user_writes_and_presses_and_the_test_looks() -> None:
    async with Playground(make_dispatcher()) as chat:
        written = await chat.say(1, "hi")
        await chat.settled()
        await chat.click(1, "+")
        await chat.click(1, "+")
        await chat.settled()

        assert chat.screen(1).text == "{'n': 2}"
        assert chat.screen(1).labels == (("+",),)
        assert chat.messages(1)[0].id == written
        assert chat.counts.of("turns", "committed") >= 3
        assert [update["type"] for update in chat.updates] == [
            "message",
            "callback_query",
            "callback_query",
        ]


async def test_say_and_click_do_not_wait_for_the_handler() -> None:
    async with Playground(make_dispatcher()) as chat:
        with chat.bot.hold() as held:
            await chat.say(1, "hi")
            await held.reached()
            assert len(chat.messages(1)) == 1
        await chat.settled()

        assert len(chat.messages(1)) == 2


async def test_chats_are_apart_and_groups_have_negative_numbers() -> None:
    async with Playground(make_dispatcher()) as chat:
        await chat.say(1, "hi")
        await chat.say(2, "hi", chat_id=-7)
        await chat.settled()
        await chat.click(2, "+", chat_id=-7)
        await chat.settled()

        assert chat.screen(1).text == "{}"
        assert chat.screen(2, chat_id=-7).text == "{'n': 1}"


async def test_what_is_not_on_the_screen_cannot_be_pressed() -> None:
    async with Playground(make_dispatcher()) as chat:
        with pytest.raises(NotShownError) as nothing:
            chat.screen(1)
        await chat.say(1, "hi")
        await chat.settled()
        with pytest.raises(NotShownError) as wrong:
            await chat.click(1, "-")
        with pytest.raises(NotShownError):
            await chat.click(1, "+", message_id="m0")

    assert (nothing.value.wanted, nothing.value.labels) == ("a message of the bot", ())
    assert (wrong.value.wanted, wrong.value.labels) == ("a button '-'", ("+",))


async def test_a_button_that_opens_a_link_cannot_be_pressed_and_says_so() -> None:
    dispatcher = Dispatcher()
    help_button = Url(Const("Help"), Const("https://example.org/help"))
    dispatcher.include_router(Dialog(Window(Const("x"), help_button, state=Main.one)))

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        with pytest.raises(LinkPressedError) as caught:
            await chat.click(1, "Help")

    assert (caught.value.label, caught.value.chat_id) == ("Help", 1)
    assert caught.value.url == "https://example.org/help"
    assert "opens https://example.org/help" in str(caught.value)


async def test_an_older_message_can_be_chosen() -> None:
    async with Playground(make_dispatcher()) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        first = chat.screen(1).id
        receipt = await chat.dialog(1).start(Main.one, mode=StartMode.NEW_STACK)
        await receipt.drawn()
        await chat.click(1, "+", message_id=first)
        await chat.settled()

        assert [message.text for message in chat.messages(1)] == ["{'n': 1}", "{}"]
        await chat.click(1, "+")
        await chat.settled()
        assert chat.screen(1).text == "{'n': 1}"


async def test_a_forged_press_reaches_the_bot() -> None:
    async with Playground(make_dispatcher()) as chat:
        await chat.say(1, "hi")
        await chat.settled()
        payload = chat.screen(1).payload_of("+") or ""
        await chat.press(1, payload + "x", message_id=chat.screen(1).id)
        await chat.settled()

        assert chat.counts.of("turns", "refused") == 1
        (answer,) = chat.bot.calls_of(Method.ANSWER)
        assert answer.notification


async def test_a_repeated_delivery_is_handled_once() -> None:
    async with Playground(make_dispatcher()) as chat:
        await chat.say(1, "hi")
        await chat.settled()
        await chat.click(1, "+")
        await chat.deliver(chat.updates[-1])
        await chat.settled()

        assert chat.screen(1).text == "{'n': 1}"
        assert chat.counts.of("updates", "duplicate") == 1


async def test_other_things_happen_too() -> None:
    happened: list[Update] = []
    dispatcher = make_dispatcher()

    @dispatcher.user_added()
    async def handler(event: UserAdded) -> None:
        happened.append(event)

    async with Playground(dispatcher) as chat:
        await chat.happen("user_added", 2, chat_id=-7)

    assert [(event.chat_id, event.user_id) for event in happened] == [(-7, 2)]


async def test_a_reply_carries_the_message_that_it_answers() -> None:
    answered: list[str] = []
    dispatcher = make_dispatcher()

    @dispatcher.message.outer_middleware
    async def note(handler: object, event: MessageCreated, data: object) -> None:
        del handler, data
        if event.message.reply_to is not None:
            answered.append(event.message.reply_to.text)

    async with Playground(dispatcher) as chat:
        first = await chat.say(1, "the question")
        await chat.say(1, "the answer", reply_to=first)

    assert answered == ["the question"]


async def test_a_failure_that_nobody_expects_fails_the_test() -> None:
    chat = Playground(make_dispatcher())
    await chat.__aenter__()
    await chat.say(1, "fail")

    with pytest.raises(ExceptionGroup, match="call take_errors") as caught:
        await chat.__aexit__(None, None, None)

    (error,) = caught.value.exceptions
    assert isinstance(error, LookupError)


async def test_an_expected_failure_is_taken() -> None:
    async with Playground(make_dispatcher()) as chat:
        await chat.say(1, "fail")
        await chat.settled()

        assert [error.args for error in chat.errors] == [("fail",)]
        assert [error.args for error in chat.take_errors()] == [("fail",)]
        assert chat.errors == ()


async def test_an_error_of_the_test_itself_is_not_hidden() -> None:
    chat = Playground(make_dispatcher())
    await chat.__aenter__()
    await chat.say(1, "fail")
    await chat.settled()

    await chat.__aexit__(ZeroDivisionError, ZeroDivisionError(), None)

    assert len(chat.errors) == 1


async def test_a_background_manager_is_at_hand() -> None:
    async with Playground(make_dispatcher()) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await (await chat.dialog(2, chat_id=-7).start(Main.one)).drawn()

        assert chat.screen(1).text == chat.screen(2, chat_id=-7).text == "{}"


async def test_time_is_that_of_the_loop() -> None:
    async with Playground(make_dispatcher()) as chat:
        await asyncio.sleep(100)
        await chat.say(1, "hi")
        await chat.settled()

        (call,) = chat.bot.calls
        assert call.time == asyncio.get_running_loop().time()
        assert chat.updates[0]["time"] == call.time


async def test_what_is_not_shown_is_told_with_the_error_of_the_handler() -> None:
    async with Playground(make_dispatcher()) as chat:
        await chat.say(1, "fail")
        await chat.settled()

        with pytest.raises(NotShownError) as screen:
            chat.screen(1)
        with pytest.raises(NotShownError) as button:
            await chat.click(1, "+")
        await chat.say(1, "fail")
        await chat.settled()
        with pytest.raises(NotShownError) as twice:
            chat.screen(1)
        chat.take_errors()

    assert repr(screen.value.__cause__) == "LookupError('fail')"
    assert repr(button.value.__cause__) == "LookupError('fail')"
    assert isinstance(twice.value.__cause__, BaseExceptionGroup)


async def test_an_assertion_that_fails_names_the_error_of_the_handler() -> None:
    async def look() -> None:
        async with Playground(make_dispatcher()) as chat:
            await chat.say(1, "fail")
            await chat.settled()
            raise AssertionError("the screen is another one")

    with pytest.raises(AssertionError) as caught:
        await look()

    assert caught.value.__notes__ == [
        "a turn or a task failed before: LookupError('fail')"
    ]
