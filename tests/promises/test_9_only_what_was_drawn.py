"""Promise 9: only what was drawn can be pressed."""

from __future__ import annotations

import asyncio
import logging

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Callback,
    CallbackButton,
    Dialog,
    DialogManager,
    DialogProtocol,
    ErrorEvent,
    MessageCreated,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import Command
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const
from duologue.errors import ForgedClickError, OutdatedClickError
from duologue.testing import Call, Method, Playground
from duologue.transport.sandbox import Control, LogEntry, LogKind

NOTICE = "This button no longer works."


def payload_of(chat: Playground, label: str, *, chat_id: int = 1) -> str:
    payload = chat.screen(1, chat_id=chat_id).payload_of(label)
    assert payload is not None
    return payload


def pending(call: Call, label: str) -> str:
    """The payload of a button in a view that is not on the screen yet."""
    assert call.view is not None
    return next(
        button.payload
        for row in call.view.keyboard
        for button in row
        if isinstance(button, CallbackButton) and button.text == label
    )


def notices(chat: Playground) -> list[str | None]:
    return [call.notification for call in chat.bot.calls_of(Method.ANSWER)]


def records(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == "duologue.dialogs"
    ]


class Vault(StatesGroup):
    closed = State()


async def open_vault(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["is_open"] = True


@pytest.fixture
async def vault(chat: Playground, dispatcher: Dispatcher) -> Playground:
    """A chat that shows a window with a button that is hidden."""
    window = Window(
        Const("closed", when=lambda data, _, __: not data["dialog_data"]),
        Const("open", when="dialog_data"),
        Button(Const("look"), id="look"),
        Button(Const("open"), id="open", on_click=open_vault, when="is_admin"),
        state=Vault.closed,
    )
    dispatcher.include_router(Dialog(window))
    _receipt = await chat.dialog(1).start(Vault.closed, mode=StartMode.RESET_STACK)
    await chat.settled()
    return chat


async def test_a_hidden_button_is_refused_counted_logged_once_and_the_user_is_told(
    vault: Playground, caplog: pytest.LogCaptureFixture
) -> None:
    before = vault.counts.of("turns", "refused")
    hidden = payload_of(vault, "look").replace("look", "open")

    await vault.press(1, hidden, message_id=vault.screen(1).id)
    await vault.settled()

    assert vault.screen(1).text == "closed"
    assert vault.counts.of("turns", "refused") == before + 1
    assert notices(vault) == [NOTICE]
    ((level, text),) = records(caplog)
    assert level == logging.WARNING
    assert text == str(ForgedClickError("dialog/test.1:1:1"))
    assert vault.errors == ()


@pytest.mark.parametrize("change", ["more:1", "more:", "mor", "", "../more"])
async def test_a_payload_that_was_changed_is_refused(
    chat: Playground, change: str
) -> None:
    forged = payload_of(chat, "more").replace("more", change)

    await chat.press(1, forged, message_id=chat.screen(1).id)
    await chat.settled()

    assert chat.screen(1).text == "0 "


async def test_a_guess_at_the_name_of_a_dialog_is_refused(chat: Playground) -> None:
    await chat.press(1, f"u{'A' * 22}:more", message_id=chat.screen(1).id)
    await chat.settled()

    assert chat.screen(1).text == "0 "
    assert notices(chat) == [NOTICE]
    assert chat.counts.of("turns", "refused") == 1


async def test_a_button_of_a_dialog_that_is_gone_is_refused_and_the_user_is_told(
    chat: Playground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old, message_id = payload_of(chat, "more"), chat.screen(1).id
    await chat.click(1, "close")
    await chat.say(1, "/start")
    await chat.settled()

    await chat.press(1, old, message_id=message_id)
    await chat.settled()

    assert chat.screen(1).text == "0 "
    assert notices(chat)[-1] == NOTICE
    assert records(caplog) == [
        (logging.INFO, str(OutdatedClickError("dialog/test.1:1:1")))
    ]


async def test_a_button_of_a_covered_dialog_is_refused(chat: Playground) -> None:
    covered, message_id = payload_of(chat, "more"), chat.screen(1).id
    await chat.click(1, "note")
    await chat.settled()

    await chat.press(1, covered, message_id=message_id)
    await chat.settled()
    await chat.click(1, "back")
    await chat.settled()

    assert chat.screen(1).text == "0 "


async def test_a_button_of_another_window_of_the_dialog_is_refused(
    chat: Playground,
) -> None:
    old, message_id = payload_of(chat, "more"), chat.screen(1).id
    await chat.click(1, "other")
    await chat.settled()

    await chat.press(1, old, message_id=message_id)
    await chat.settled()

    assert chat.counts.of("turns", "refused") == 1
    async with chat.dialog(1).fg() as manager:
        assert manager.dialog_data == {}


async def test_a_button_on_an_old_message_is_refused(chat: Playground) -> None:
    old = chat.screen(1).id
    payload = payload_of(chat, "more")
    receipt = await chat.dialog(1).update({}, show_mode=ShowMode.SEND)
    await receipt.drawn()
    await chat.settled()

    await chat.press(1, payload, message_id=old)
    await chat.settled()
    after_refusal = chat.screen(1).text
    await chat.click(1, "more")
    await chat.settled()

    assert after_refusal == "0 "
    assert chat.screen(1).text == "1 "


async def test_a_button_of_another_user_is_refused(chat: Playground) -> None:
    for user in (1, 2):
        await chat.say(user, "/start", chat_id=-7)
        await chat.settled()
    first = next(message for message in chat.messages(-7) if message.user_id is None)

    await chat.click(2, "more", chat_id=-7, message_id=first.id)
    await chat.settled()

    assert {message.text for message in chat.messages(-7)} == {"/start", "0 "}
    assert notices(chat) == [None]
    assert all(message.keyboard for message in chat.messages(-7) if not message.user_id)


async def test_a_button_that_is_on_its_way_to_the_screen_can_be_pressed(
    chat: Playground,
) -> None:
    with chat.bot.hold(Method.ANSWER) as hold:
        await chat.click(1, "note")
        await hold.reached()
        await chat.press(1, pending(hold.calls[0], "back"), message_id=None)
        await asyncio.sleep(1)
    await chat.settled()

    assert chat.screen(1).text == "0 "
    assert chat.counts.of("turns", "refused") == 0


async def test_a_button_of_the_first_message_can_be_pressed_before_it_is_confirmed(
    chat: Playground,
) -> None:
    await chat.say(2, "/start")

    with chat.bot.hold(Method.SEND, chat_id=2) as hold:
        await hold.reached()
        await chat.press(2, pending(hold.calls[0], "more"))
        await asyncio.sleep(1)
    await chat.settled()

    assert chat.screen(2).text == "1 "


async def test_a_refused_click_can_be_handled_by_an_error_handler(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def explain(event: ErrorEvent) -> None:
        assert isinstance(event.exception, OutdatedClickError)
        assert isinstance(event.update, Callback)
        await event.update.answer("too late")

    dispatcher.error.register(explain)

    await chat.press(1, f"u{'A' * 22}:more", message_id=chat.screen(1).id)
    await chat.settled()

    assert notices(chat) == ["too late"]


async def test_a_payload_that_is_no_dialogs_goes_to_the_handlers(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    seen: list[str] = []

    async def note(callback: Callback) -> None:
        seen.append(callback.payload)

    dispatcher.callback_query.register(note)

    await chat.press(1, "u:something of the author's", message_id=chat.screen(1).id)
    await chat.settled()

    assert seen == ["u:something of the author's"]


async def test_forged_clicks_on_the_messenger_change_nothing_and_stop_nothing(
    control: Control, runtime: Runtime, window: LogEntry, ann: int
) -> None:
    mid = window.message_id or ""
    payloads = {text: payload for row in window.keyboard for text, payload in row}
    genuine = payloads["more"] or ""

    for forged in (genuine.replace("more", "less"), f"u{'B' * 22}:more", "", "g"):
        await control.forge(ann, mid, forged)
    await control.click(ann, mid, text="more")
    await control.wait_for(lambda entry: entry.text == "1 ", timeout=60)
    await runtime.settled()

    told = [
        entry.text
        for entry in await control.log()
        if entry.kind == LogKind.NOTIFICATION
    ]
    assert told.count(NOTICE) == 2
    shown = await control.messages(window.chat_id or 0)
    assert shown[-1].text == "1 "


async def test_messages_still_arrive_after_a_hundred_forged_clicks(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    seen: list[str] = []

    async def note(message: MessageCreated) -> None:
        seen.append(message.text)

    dispatcher.message.register(note, Command("note"))

    for number in range(100):
        forged = f"u{number:022}:more"
        await chat.press(1, forged, message_id=chat.screen(1).id)
    await chat.say(1, "/note")
    await chat.settled()

    assert seen == ["/note"]
    assert chat.counts.of("turns", "refused") == 100


async def test_a_press_that_no_widget_takes_is_refused(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    class Untaken(Button):
        async def _process_own_callback(
            self, callback: Callback, dialog: DialogProtocol, manager: DialogManager
        ) -> bool:
            del callback, dialog, manager
            return False

    window = Window(Const("?"), Untaken(Const("!"), id="odd"), state=Vault.closed)
    dispatcher.include_router(Dialog(window))
    await (await chat.dialog(1).start(Vault.closed)).drawn()

    await chat.click(1, "!")
    await chat.settled()

    assert notices(chat) == [NOTICE]
    assert chat.counts.of("turns", "refused") == 1
