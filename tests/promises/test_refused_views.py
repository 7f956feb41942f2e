"""Promise 5: state and screen never part for good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from duologue import Dispatcher
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    DialogUpdate,
    ErrorEvent,
    MessageCreated,
    State,
    StatesGroup,
    View,
    ViewRefused,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.input import TextInput
from duologue.dialogs.widgets.kbd import Button, Start, SwitchTo
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import BadRequestError, ForbiddenError, ViewRefusedError
from duologue.testing import Method, Playground, RecordingBot


class Form(StatesGroup):
    name = State()
    summary = State()
    failed = State()


class Help(StatesGroup):
    text = State()


class StrictBot(RecordingBot):
    """A messenger that refuses what is no HTML, as real ones do."""

    async def send_now(
        self, chat_id: int, view: View, *, reply_to: str | None = None
    ) -> str:
        _check(view)
        return await super().send_now(chat_id, view, reply_to=reply_to)

    async def edit_now(self, chat_id: int, message_id: str, view: View) -> None:
        _check(view)
        await super().edit_now(chat_id, message_id, view)

    async def answer_now(
        self,
        chat_id: int,
        callback_id: str,
        *,
        view: View | None = None,
        notification: str | None = None,
    ) -> None:
        if view is not None:
            _check(view)
        await super().answer_now(
            chat_id, callback_id, view=view, notification=notification
        )


def _check(view: View) -> None:
    if "</b><i>" in view.text:
        raise BadRequestError("send", "can't parse entities")


async def note_name(
    _: MessageCreated, __: object, manager: DialogManager, text: str
) -> None:
    manager.dialog_data["name"] = text
    await manager.next()


async def spoil(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["name"] = "Ann </b><i>x"
    await manager.switch_to(Form.summary)


async def start_form(_: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Form.name)


@pytest.fixture
def form() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.message.register(start_form, CommandStart())
    dispatcher.include_routers(
        Dialog(
            Window(
                Const("Your name?"),
                Button(Const("spoil"), id="spoil", on_click=spoil),
                Start(Const("help"), id="help", state=Help.text),
                TextInput("name", on_success=note_name),
                state=Form.name,
            ),
            Window(
                Format("{dialog_data[name]}"),
                SwitchTo(Const("again"), id="again", state=Form.name),
                state=Form.summary,
            ),
            Window(Const("Not this one."), state=Form.failed),
        ),
        Dialog(Window(Const("a </b><i> help"), state=Help.text)),
    )
    return dispatcher


@pytest.fixture
async def chat(form: Dispatcher) -> AsyncIterator[Playground]:
    async with Playground(form, bot=StrictBot()) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        yield chat


async def state_of(chat: Playground) -> State:
    async with chat.dialog(1).fg() as manager:
        return manager.current_context().state


async def test_a_refused_view_reaches_the_error_hook_with_its_window(
    chat: Playground,
) -> None:
    await chat.say(1, "Ann </b><i>x")
    await chat.settled()

    (error,) = chat.take_errors()
    assert isinstance(error, ViewRefusedError)
    assert (error.address, error.state) == ("dialog/test.1:1:1", "Form:summary")
    assert isinstance(error.__cause__, BadRequestError)
    assert chat.counts.of("dead_letters") == 0


async def test_after_a_refused_view_the_window_that_the_user_sees_works_on(
    chat: Playground,
) -> None:
    await chat.say(1, "Ann </b><i>x")
    await chat.settled()
    stepped_back = await state_of(chat)

    await chat.say(1, "Ann")
    await chat.settled()

    assert stepped_back is Form.name
    assert chat.screen(1).text == "Ann"
    chat.take_errors()


async def test_after_a_refused_view_of_a_press_the_press_is_answered_and_all_works_on(
    chat: Playground,
) -> None:
    press = await chat.click(1, "spoil")
    await chat.settled()

    answered = [call for call in chat.bot.calls_of(Method.ANSWER) if not call.error]
    assert [(call.callback_id, call.view) for call in answered] == [(press, None)]
    assert chat.screen(1).text == "This cannot be shown."
    await chat.say(1, "Ann")
    await chat.settled()
    await chat.click(1, "again")
    await chat.settled()
    assert chat.screen(1).text == "Your name?"
    chat.take_errors()


async def test_a_dialog_whose_first_view_is_refused_leaves_the_one_below_usable(
    chat: Playground,
) -> None:
    await chat.click(1, "help")
    await chat.settled()

    assert await state_of(chat) is Form.name
    await chat.say(1, "Ann")
    await chat.settled()
    assert chat.screen(1).text == "Ann"
    chat.take_errors()


async def test_an_error_handler_hears_of_a_refused_view_and_may_show_another(
    chat: Playground, form: Dispatcher
) -> None:
    heard: list[ErrorEvent] = []

    async def explain(event: ErrorEvent, dialog_manager: DialogManager) -> None:
        heard.append(event)
        await dialog_manager.switch_to(Form.failed)

    form.error.register(explain)

    await chat.click(1, "spoil")
    await chat.settled()

    assert chat.screen(1).text == "Not this one."
    assert await state_of(chat) is Form.failed
    assert chat.errors == ()
    (event,) = heard
    assert isinstance(event.exception, ViewRefusedError)
    assert (event.chat_id, event.user_id) == (1, 1)
    assert isinstance(event.update, DialogUpdate)
    assert isinstance(event.update.command, ViewRefused)
    assert event.update.command.state == "Form:summary"


async def test_an_error_handler_that_only_takes_note_leaves_the_dialog_usable(
    chat: Playground, form: Dispatcher
) -> None:
    async def take_note(_: ErrorEvent) -> None:
        pass

    form.error.register(take_note)

    await chat.say(1, "Ann </b><i>x")
    await chat.settled()

    assert await state_of(chat) is Form.name
    assert chat.errors == ()


async def test_an_error_handler_that_fails_leaves_the_dialog_usable(
    chat: Playground, form: Dispatcher
) -> None:
    async def fail(_: ErrorEvent) -> None:
        raise ArithmeticError

    form.error.register(fail)

    await chat.say(1, "Ann </b><i>x")
    await chat.settled()

    assert await state_of(chat) is Form.name
    kinds = [type(error) for error in chat.take_errors()]
    assert kinds == [ArithmeticError, ViewRefusedError]


async def test_a_refused_view_of_an_error_handler_is_only_logged(
    chat: Playground, form: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Exception] = []

    async def spoil_again(event: ErrorEvent, dialog_manager: DialogManager) -> None:
        heard.append(event.exception)
        dialog_manager.dialog_data["name"] = "Bob </b><i>x"
        await dialog_manager.show()

    form.error.register(spoil_again)

    await chat.say(1, "Ann </b><i>x")
    await chat.settled()

    assert [type(error) for error in heard] == [ViewRefusedError]
    assert chat.errors == ()
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(logged) == 1


async def test_a_view_that_moved_on_before_its_refusal_is_left_alone(
    chat: Playground,
) -> None:
    with chat.bot.hold(Method.SEND) as hold:
        chat.bot.fail(BadRequestError("send", "no"), method=Method.SEND)
        await chat.say(1, "Ann")
        await hold.reached()
        _receipt = await chat.dialog(1).switch_to(Form.failed)
    await chat.settled()

    assert await state_of(chat) is Form.failed
    shown = [message.text for message in chat.messages(1) if not message.user_id]
    assert "Not this one." in shown
    chat.take_errors()


async def test_a_view_that_is_refused_because_the_user_left_is_no_error(
    chat: Playground, caplog: pytest.LogCaptureFixture
) -> None:
    chat.bot.fail(ForbiddenError("send", "stopped"), method=Method.SEND)

    await chat.say(1, "Ann")
    await chat.settled()

    assert chat.errors == ()
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(logged) == 1


async def test_a_refusal_that_somebody_awaits_goes_to_nobody_else(
    chat: Playground,
) -> None:
    chat.bot.fail(*[BadRequestError("edit", "no")] * 2)
    receipt = await chat.dialog(1).switch_to(Form.failed)
    await chat.settled()

    with pytest.raises(BadRequestError):
        await receipt.drawn()

    del receipt
    await chat.settled()
    assert chat.errors == ()


async def test_a_refusal_whose_receipt_is_dropped_unheard_is_reported(
    chat: Playground,
) -> None:
    chat.bot.fail(*[BadRequestError("edit", "no")] * 2)
    receipt = await chat.dialog(1).switch_to(Form.failed)
    await chat.settled()
    before = chat.errors

    del receipt
    await asyncio.sleep(1)

    assert before == ()
    assert [type(error) for error in chat.take_errors()] == [ViewRefusedError]
