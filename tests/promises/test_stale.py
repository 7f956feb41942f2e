"""Promise 9: what belongs to no open dialog is answered."""

from __future__ import annotations

import pytest

from duologue import Dispatcher
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    Notices,
    Settings,
    ShowMode,
    State,
    StatesGroup,
    Update,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.input import TextInput
from duologue.dialogs.widgets.kbd import Button, Cancel, Next
from duologue.dialogs.widgets.text import Const
from duologue.errors import HandlerError, UnknownStateError, ViewError
from duologue.testing import Method, Playground, RecordingBot

NOTICE = "This button no longer works."
CLOSED = "Nothing is open here. Write /start to begin."


class Main(StatesGroup):
    first = State()
    second = State()
    text = State()


class Unknown(StatesGroup):
    state = State()


async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Main.first)


async def note(*_: object) -> None:
    pass


@pytest.fixture
def dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.message.register(start, CommandStart())
    dispatcher.include_router(
        Dialog(
            Window(Const("first"), Next(), Cancel(), state=Main.first),
            Window(Const("second"), Cancel(), state=Main.second),
            Window(
                Const("text?"),
                Button(Const("look"), id="look"),
                TextInput("text"),
                state=Main.text,
            ),
        )
    )
    return dispatcher


def of_bot(chat: Playground) -> list[str]:
    return [message.text for message in chat.messages(1) if message.user_id is None]


def notices(chat: Playground) -> list[str | None]:
    return [call.notification for call in chat.bot.calls_of(Method.ANSWER)]


async def open_first(dispatcher: Dispatcher, bot: RecordingBot) -> str:
    """What is on the screen when the state is lost; the payload of its button."""
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        return chat.screen(1).payload_of("Next") or ""


async def test_after_a_restart_without_state_an_old_press_is_told_and_loses_its_buttons(
    dispatcher: Dispatcher,
) -> None:
    bot = RecordingBot()
    await open_first(dispatcher, bot)

    async with Playground(dispatcher, bot=bot) as chat:
        await chat.click(1, "Next")
        await chat.settled()

        assert notices(chat) == [NOTICE]
        assert chat.screen(1).text == "first"
        assert chat.screen(1).labels == ()


async def test_after_a_restart_without_state_a_text_is_told_what_to_do(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await chat.say(1, "hello?")
        await chat.say(1, "hello?", chat_id=-7)
        await chat.settled()

        assert of_bot(chat) == [CLOSED]
        assert [each for each in chat.messages(-7) if each.user_id is None] == []


async def test_a_bot_without_dialogs_says_nothing_by_itself() -> None:
    async with Playground(Dispatcher()) as chat:
        await chat.say(1, "hello?")
        await chat.settled()

        assert of_bot(chat) == []


async def test_a_root_dialog_can_begin_anew_by_an_old_press_and_by_a_text(
    dispatcher: Dispatcher,
) -> None:
    bot = RecordingBot()
    await open_first(dispatcher, bot)

    settings = Settings(stale=Main.first)
    async with Playground(dispatcher, bot=bot, settings=settings) as chat:
        await chat.say(2, "hello?")
        await chat.click(1, "Next")
        await chat.settled()
        old, new = (each for each in chat.messages(1) if each.user_id is None)
        await chat.click(1, "Next")
        await chat.settled()

        assert chat.screen(2).text == "first"
        assert (old.text, old.labels) == ("first", ())
        assert (new.text, new.labels) == ("first", (("Next",), ("Cancel",)))
        assert chat.screen(1).text == "second"
        assert chat.errors == ()


async def test_an_old_press_does_not_restart_what_is_open(
    dispatcher: Dispatcher,
) -> None:
    bot = RecordingBot()
    payload = await open_first(dispatcher, bot)

    settings = Settings(stale=Main.first)
    async with Playground(dispatcher, bot=bot, settings=settings) as chat:
        old = chat.screen(1).id
        await (await chat.dialog(1).start(Main.second)).drawn()
        await chat.press(1, payload, message_id=old)
        await chat.settled()

        async with chat.dialog(1).fg() as manager:
            assert manager.current_context().state is Main.second
        assert notices(chat) == [NOTICE]
        left = bot.message(old)
        assert left is not None
        assert left.labels == ()


async def test_a_handler_of_the_author_can_answer(dispatcher: Dispatcher) -> None:
    seen: list[type[Update]] = []

    async def answer(event: Update, dialog_manager: DialogManager) -> None:
        seen.append(type(event))
        await dialog_manager.start(Main.second)

    bot = RecordingBot()
    await open_first(dispatcher, bot)

    settings = Settings(stale=answer)
    async with Playground(dispatcher, bot=bot, settings=settings) as chat:
        await chat.say(2, "hello?")
        await chat.settled()
        await chat.click(1, "Next")
        await chat.settled()

        assert seen == [MessageCreated, Callback]
        assert (chat.screen(1).text, chat.screen(2).text) == ("second", "second")


async def test_a_policy_that_cannot_work_is_refused_at_the_start(
    dispatcher: Dispatcher,
) -> None:
    def plain(_: object) -> None:
        pass

    with pytest.raises(UnknownStateError):
        await Playground(
            dispatcher, settings=Settings(stale=Unknown.state)
        ).__aenter__()
    with pytest.raises(HandlerError):
        await Playground(dispatcher, settings=Settings(stale=plain)).__aenter__()


@pytest.mark.parametrize("label", ["Next", "Cancel"])
async def test_the_second_of_two_fast_presses_is_silent(
    dispatcher: Dispatcher, label: str
) -> None:
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        shown = chat.screen(1)
        payload = shown.payload_of(label) or ""

        for pause in (False, True):
            await chat.press(1, payload, message_id=shown.id)
            await chat.press(1, payload, message_id=shown.id)
            if pause:
                await chat.settled()

        assert set(notices(chat)) == {None}
        assert len(notices(chat)) == 4
        assert chat.counts.of("turns", "refused") == 3


async def test_another_members_press_in_a_group_is_silent_unless_the_author_wants(
    dispatcher: Dispatcher,
) -> None:
    for foreign in (None, "Only who opened it can press it."):
        settings = Settings(notices=Notices(foreign=foreign))
        async with Playground(dispatcher, settings=settings) as chat:
            await chat.say(1, "/start", chat_id=-7)
            await chat.settled()

            await chat.click(2, "Next", chat_id=-7)
            await chat.settled()

            assert notices(chat) == [foreign]
            assert chat.screen(1, chat_id=-7).labels == (("Next",), ("Cancel",))


async def test_notices_are_said_in_the_language_of_the_user(
    dispatcher: Dispatcher,
) -> None:
    russian = Notices(closed="Ничего не открыто.")
    settings = Settings(notices={"en": Notices(), "ru": russian})
    async with Playground(dispatcher, settings=settings) as chat:
        for locale in ("ru-RU", "de", None):
            raw = dict(chat.bot.wrote(1, 1, "hello?"), user_locale=locale)
            await chat.deliver(raw)
            await chat.settled()

        assert of_bot(chat) == ["Ничего не открыто.", CLOSED, CLOSED]


async def test_a_text_that_no_input_takes_brings_the_window_below_it(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        old = chat.screen(1).id
        said = await chat.say(1, "hello?")
        await chat.settled()

        left = chat.bot.message(old)
        assert left is not None
        assert left.labels == ()
        assert [each.id for each in chat.messages(1)][-2:] == [said, chat.screen(1).id]
        assert chat.screen(1).labels == (("Next",), ("Cancel",))


async def test_a_text_in_a_group_moves_no_window(dispatcher: Dispatcher) -> None:
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start", chat_id=-7)
        await chat.settled()
        calls = len(chat.bot.calls)

        await chat.say(1, "hello, all", chat_id=-7)
        await chat.settled()

        assert len(chat.bot.calls) == calls


async def test_the_author_can_leave_the_window_where_it_is(
    dispatcher: Dispatcher,
) -> None:
    settings = Settings(untaken_text=ShowMode.NO_UPDATE)
    async with Playground(dispatcher, settings=settings) as chat:
        await chat.say(1, "/start")
        await chat.say(1, "hello?")
        await chat.settled()

        assert of_bot(chat) == ["first"]


async def test_a_text_that_a_handler_takes_leaves_the_window_where_it_is(
    dispatcher: Dispatcher,
) -> None:
    dispatcher.message.register(note)
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.first)).drawn()
        await chat.say(1, "hello?")
        await chat.settled()

        assert of_bot(chat) == ["first"]


async def test_a_window_that_cannot_be_shown_is_told_to_whoever_pressed(
    dispatcher: Dispatcher,
) -> None:
    class Long(StatesGroup):
        text = State()

    async def show_long(_: object, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Long.text)

    dispatcher.include_router(Dialog(Window(Const("x" * 5000), state=Long.text)))
    dispatcher.callback_query.register(show_long)
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        await chat.press(1, "own", message_id=chat.screen(1).id)
        await chat.settled()

        assert notices(chat) == ["This cannot be shown."]
        assert [type(error) for error in chat.take_errors()] == [ViewError]


async def test_a_press_on_a_deleted_message_reaches_its_dialog_and_shows_it_again(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        shown = chat.screen(1)
        chat.bot.remove(shown.id)

        press = await chat.press(1, shown.payload_of("Next") or "", message_id=None)
        await chat.settled()

        assert chat.screen(1).text == "second"
        answered = [call.callback_id for call in chat.bot.calls_of(Method.ANSWER)]
        assert answered == [press]


async def test_a_press_on_a_deleted_message_that_changes_nothing_shows_it_again(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.text)).drawn()
        shown = chat.screen(1)
        chat.bot.remove(shown.id)

        await chat.press(1, shown.payload_of("look") or "", message_id=None)
        await chat.settled()

        assert chat.screen(1).text == "text?"


async def test_a_press_on_a_deleted_message_that_belongs_to_nothing_is_answered(
    dispatcher: Dispatcher,
) -> None:
    settings = Settings(stale=Main.first)
    async with Playground(dispatcher, settings=settings) as chat:
        await chat.press(1, f"u{'A' * 22}:more", message_id=None)
        await chat.settled()

        assert notices(chat) == [NOTICE]
        assert of_bot(chat) == []
