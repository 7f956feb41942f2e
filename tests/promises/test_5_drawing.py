"""Promise 5: drawing is separate from state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings, strategies as st

from duologue import Dispatcher, Runtime
from duologue.actors.testing import VirtualClock
from duologue.dialogs import (
    BgManager,
    Callback,
    Dialog,
    DialogManager,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    View,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.input import MessageInput
from duologue.dialogs.widgets.kbd import Button, Cancel
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    BadRequestError,
    ForbiddenError,
    MessengerError,
    MessengerUnavailableError,
    RateLimitedError,
)
from duologue.testing import Method, Playground, RecordingBot
from duologue.transport.sandbox import Control, FaultKind, LogEntry, LogKind

LAST = 777


class Inbox(StatesGroup):
    open = State()


def texts(views: Sequence[View]) -> list[str]:
    return [view.text for view in views]


async def send(dialog: BgManager, number: int, mode: ShowMode | None = None) -> None:
    """Have a number shown, and wait until it is committed."""
    receipt = await dialog.update({"k": number}, show_mode=mode)
    await receipt


async def test_one_request_at_a_time_is_in_flight_for_a_message(
    chat: Playground,
) -> None:
    with chat.bot.hold() as hold:
        for number in range(5):
            await send(chat.dialog(1), number)
        await hold.reached()
        await asyncio.sleep(10)
        in_flight = len(hold.calls)
    await chat.settled()

    assert in_flight == 1


async def test_a_newer_view_takes_the_place_of_one_that_waits(chat: Playground) -> None:
    message = chat.screen(1).id

    with chat.bot.hold() as hold:
        await send(chat.dialog(1), 0)
        await hold.reached()
        for number in (1, 2, 3):
            await send(chat.dialog(1), number)
    await chat.settled()

    assert texts(chat.bot.history(message)) == ["0 ", "0 k=0", "0 k=3"]
    assert chat.counts.of("draws", "replaced") == 2


async def test_a_view_that_is_on_the_screen_already_is_not_sent(
    chat: Playground,
) -> None:
    await send(chat.dialog(1), 1)
    await chat.settled()
    calls = len(chat.bot.calls)

    await send(chat.dialog(1), 1)
    await chat.settled()

    assert len(chat.bot.calls) == calls


async def test_views_of_different_chats_do_not_wait_for_each_other(
    chat: Playground,
) -> None:
    await chat.say(2, "/start")
    await chat.settled()

    with chat.bot.hold(chat_id=1):
        await send(chat.dialog(1), 1)
        receipt = await chat.dialog(2).update({"k": 2})
        await receipt.drawn()
        drawn = chat.screen(2).text
    await chat.settled()

    assert drawn == "0 k=2"


@pytest.mark.parametrize("mode", [ShowMode.SEND, ShowMode.DELETE_AND_SEND])
async def test_views_in_messages_of_their_own_are_never_merged(
    chat: Playground, mode: ShowMode
) -> None:
    with chat.bot.hold() as hold:
        for number in range(3):
            await send(chat.dialog(1), number, mode)
        await hold.reached()
    await chat.settled()

    sent = chat.bot.calls_of(Method.SEND, 1)
    assert [call.view.text for call in sent[1:] if call.view is not None] == [
        "0 k=0",
        "0 k=1",
        "0 k=2",
    ]


async def test_a_new_message_is_sent_even_if_its_view_is_unchanged(
    chat: Playground,
) -> None:
    await send(chat.dialog(1), 1)
    await send(chat.dialog(1), 1, ShowMode.SEND)
    await chat.settled()

    shown = [message.text for message in chat.messages(1) if message.user_id is None]
    assert shown == ["0 k=1", "0 k=1"]


@pytest.mark.parametrize(
    ("asked", "sends", "seconds"), [(None, 5, 5), (ShowMode.SEND, 61, 65)]
)
async def test_a_burst_of_messages_is_answered_by_one_with_the_last_view(
    asked: ShowMode | None, sends: int, seconds: float
) -> None:
    async def count(_: object, __: object, manager: DialogManager) -> None:
        manager.dialog_data["n"] = manager.dialog_data.get("n", 0) + 1
        await manager.show(asked)

    async def start(_: object, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Inbox.open)

    window = Window(
        Format("{dialog_data}"),
        Button(Const("done"), id="done"),
        MessageInput(count),
        state=Inbox.open,
    )
    dispatcher = Dispatcher()
    dispatcher.message.register(start, CommandStart())
    dispatcher.include_router(Dialog(window))
    async with Playground(dispatcher, bot=RecordingBot(calls_per_second=2)) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        began = asyncio.get_running_loop().time()

        for number in range(60):
            await chat.say(1, str(number))
        await chat.settled()

        shown = [message for message in chat.messages(1) if message.user_id is None]
        assert len(chat.bot.calls_of(Method.SEND)) <= sends
        assert shown[-1].text == "{'n': 60}"
        assert [bool(message.keyboard) for message in shown[:-1]].count(True) == 0
        assert shown[-1].keyboard
        assert asyncio.get_running_loop().time() - began < seconds
        if asked is not None:
            assert len(shown) == 61


async def test_delete_and_send_leaves_one_message(chat: Playground) -> None:
    old = chat.screen(1).id

    await send(chat.dialog(1), 1, ShowMode.DELETE_AND_SEND)
    await chat.settled()

    shown = [message for message in chat.messages(1) if message.user_id is None]
    assert [message.text for message in shown] == ["0 k=1"]
    assert shown[0].id != old


async def test_a_message_that_cannot_be_deleted_loses_its_buttons(
    chat: Playground,
) -> None:
    old = chat.screen(1)
    chat.bot.fail(ForbiddenError("DELETE", "too old"), method=Method.DELETE)

    await send(chat.dialog(1), 1, ShowMode.DELETE_AND_SEND)
    await chat.settled()

    assert chat.screen(1).id != old.id
    left = chat.bot.message(old.id)
    assert left is not None
    assert left.labels == ()


async def test_edits_behind_a_new_message_go_to_the_new_one(chat: Playground) -> None:
    old = chat.screen(1).id

    with chat.bot.hold() as hold:
        await send(chat.dialog(1), 1)
        await hold.reached()
        await send(chat.dialog(1), 2, ShowMode.SEND)
        await send(chat.dialog(1), 3)
    await chat.settled()

    assert texts(chat.bot.history(old))[:2] == ["0 ", "0 k=1"]
    assert texts(chat.bot.history(chat.screen(1).id)) == ["0 k=2", "0 k=3"]


async def test_the_message_that_is_left_behind_loses_its_buttons(
    chat: Playground,
) -> None:
    old = chat.screen(1).id

    await send(chat.dialog(1), 1, ShowMode.SEND)
    await chat.settled()

    left = chat.bot.message(old)
    assert left is not None
    assert left.keyboard == ()
    assert chat.screen(1).keyboard != ()


async def test_a_view_whose_message_is_gone_is_sent_anew(chat: Playground) -> None:
    old = chat.screen(1).id
    chat.bot.remove(old)

    await send(chat.dialog(1), 1)
    await chat.settled()
    await send(chat.dialog(1), 2)
    await chat.settled()

    assert chat.counts.of("draws", "gone") == 1
    assert texts(chat.bot.history(chat.screen(1).id)) == ["0 k=1", "0 k=2"]


async def test_a_view_whose_message_takes_no_edit_any_more_is_sent_anew(
    chat: Playground,
) -> None:
    old = chat.screen(1).id
    chat.bot.fail(BadRequestError("edit", "too old"), method=Method.EDIT)

    await send(chat.dialog(1), 1)
    await chat.settled()
    await send(chat.dialog(1), 2)
    await chat.settled()

    left = chat.bot.message(old)
    assert left is not None
    assert left.labels == ()
    assert chat.counts.of("draws", "not_edited") == 1
    assert texts(chat.bot.history(chat.screen(1).id)) == ["0 k=1", "0 k=2"]


async def test_a_press_on_a_message_that_takes_no_edit_any_more_is_answered(
    chat: Playground,
) -> None:
    old = chat.screen(1).id
    for method in (Method.ANSWER, Method.EDIT):
        chat.bot.fail(BadRequestError(method, "too old"), method=method)

    press = await chat.click(1, "more")
    await chat.settled()

    answered = [call for call in chat.bot.calls_of(Method.ANSWER) if not call.error]
    assert [(call.callback_id, call.view) for call in answered] == [(press, None)]
    assert chat.screen(1).id != old
    assert chat.screen(1).text == "1 "
    await chat.click(1, "more")
    await chat.settled()
    assert chat.screen(1).text == "2 "


async def test_a_press_on_a_message_that_the_messenger_froze_goes_on_in_a_new_one(
    control: Control, runtime: Runtime, window: LogEntry, ann: int
) -> None:
    await control.freeze(window.message_id or "")

    await control.click(ann, window.message_id or "", text="more")
    moved = await control.wait_for(
        lambda entry: entry.kind == LogKind.MESSAGE and entry.text == "1 ", timeout=60
    )
    await runtime.settled()

    assert moved.message_id != window.message_id
    kinds = [entry.kind for entry in await control.log(window.seq)]
    assert kinds.count(LogKind.NOTIFICATION) == 1


async def test_a_view_that_is_forbidden_is_dropped_and_counted_and_the_next_is_drawn(
    chat: Playground,
) -> None:
    chat.bot.fail(ForbiddenError("edit", "the user has stopped the bot"))

    await send(chat.dialog(1), 1)
    await chat.settled()
    after_refusal = chat.screen(1).text
    await send(chat.dialog(1), 2)
    await chat.settled()

    assert after_refusal == "0 "
    assert chat.counts.of("draws", "refused") == 1
    assert chat.errors == ()
    assert chat.screen(1).text == "0 k=2"


async def test_a_view_that_was_refused_is_drawn_when_it_is_shown_again(
    chat: Playground,
) -> None:
    chat.bot.fail(BadRequestError("edit", "not today"))

    await send(chat.dialog(1), 1)
    await chat.settled()
    await send(chat.dialog(1), 1)
    await chat.settled()

    assert chat.screen(1).text == "0 k=1"


@pytest.mark.parametrize(
    "error",
    [
        RateLimitedError("edit", "too many", 1.0),
        MessengerUnavailableError("edit", "HTTP 503"),
    ],
)
async def test_a_view_is_drawn_when_the_messenger_has_recovered(
    chat: Playground, error: MessengerError
) -> None:
    chat.bot.fail(*[error] * 20)

    receipt = await chat.dialog(1).update({"k": 1})
    await receipt.drawn()

    assert chat.screen(1).text == "0 k=1"


async def test_a_view_that_failed_gives_way_to_a_newer_one(chat: Playground) -> None:
    message = chat.screen(1).id
    chat.bot.fail(MessengerUnavailableError("edit", "HTTP 503"))

    first = await chat.dialog(1).update({"k": 1})
    await first
    await send(chat.dialog(1), 2)
    await first.drawn()

    assert texts(chat.bot.history(message)) == ["0 ", "0 k=2"]


async def test_a_bot_with_a_bug_stops_neither_the_waiting_nor_the_next_view(
    dispatcher: Dispatcher,
) -> None:
    class BuggyBot(RecordingBot):
        is_buggy = True

        async def edit_now(self, chat_id: int, message_id: str, view: View) -> None:
            if self.is_buggy:
                raise ArithmeticError
            await super().edit_now(chat_id, message_id, view)

    bot = BuggyBot()
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        receipt = await chat.dialog(1).update({"k": 1})
        with pytest.raises(ArithmeticError):
            async with asyncio.timeout(60):
                await receipt.drawn()
        bot.is_buggy = False
        await send(chat.dialog(1), 2)
        await chat.settled()

        assert chat.screen(1).text == "0 k=2"
        assert [type(error) for error in chat.take_errors()] == [ArithmeticError]


async def test_closing_the_last_dialog_takes_its_buttons_away(chat: Playground) -> None:
    await chat.click(1, "close")
    await chat.settled()

    assert chat.screen(1).text == "0 "
    assert chat.screen(1).keyboard == ()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_fails_the_last_view_is_drawn_and_no_new_message_is_lost(
    seed: int,
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a reproducible schedule, no secret
    VirtualClock().run(play_schedule(dice))


class Showing(StatesGroup):
    number = State()


async def play_schedule(dice: random.Random) -> None:
    dispatcher = Dispatcher()
    window = Window(Format("{dialog_data[k]}"), Cancel(), state=Showing.number)
    dispatcher.include_router(Dialog(window, on_start=begin))
    limit = dice.choice((None, 2))
    async with Playground(dispatcher, bot=RecordingBot(calls_per_second=limit)) as chat:
        async with asyncio.TaskGroup() as group:
            group.create_task(disturb(chat.bot, dice))
            numbers = await show_numbers(chat, dice)
        await send(chat.dialog(1), LAST)
        await chat.settled()

        assert int(chat.screen(1).text) == LAST
        assert numbers <= drawn_by(chat.bot)


async def begin(_: object, manager: DialogManager) -> None:
    manager.dialog_data["k"] = -1


def drawn_by(bot: RecordingBot) -> set[int]:
    """The numbers that have been on the screen."""
    done = [call.view for call in bot.calls if call.error is None]
    return {int(view.text) for view in done if view is not None}


async def show_numbers(chat: Playground, dice: random.Random) -> set[int]:
    """Have numbers shown in all modes; tell which in messages of their own."""
    dialog = chat.dialog(1)
    _receipt = await dialog.start(Showing.number, mode=StartMode.RESET_STACK)
    numbers: set[int] = set()
    for number in range(dice.randrange(1, 30)):
        mode = dice.choice((None, None, ShowMode.SEND, ShowMode.DELETE_AND_SEND))
        _receipt = await dialog.update({"k": number}, show_mode=mode)
        if mode is not None:
            numbers.add(number)
        await asyncio.sleep(dice.choice((0, 0, 0.2, 1)))
    return numbers


async def disturb(bot: RecordingBot, dice: random.Random, *, kinds: int = 3) -> None:
    """Refuse calls now and then, for reasons that end; delete messages as users do."""
    for _ in range(dice.randrange(12)):
        await asyncio.sleep(dice.random())
        match dice.randrange(kinds):
            case 0:
                bot.fail(RateLimitedError("call", "too many", 1.0))
            case 1:
                bot.fail(MessengerUnavailableError("call", "HTTP 503"))
            case _:
                shown = [message for message in bot.messages(1) if message.labels]
                if shown:
                    bot.remove(dice.choice(shown).id)


async def test_a_burst_in_one_chat_is_drawn_within_the_limits_of_the_messenger(
    control: Control, runtime: Runtime, window: LogEntry, ann: int
) -> None:
    dialog = runtime.dialog(chat_id=window.chat_id or 0, user_id=ann)

    for number in range(200):
        await send(dialog, number)
        await asyncio.sleep(0.05)
    await runtime.settled()

    edits = [entry for entry in await control.log() if entry.kind == LogKind.EDIT]
    assert edits[-1].text == "0 k=199"
    assert 10 <= len(edits) <= 21  # 200 updates in 10 seconds
    assert 429 not in {count.status for count in await control.requests()}


async def test_a_429_pauses_only_its_chat_and_loses_nothing(
    control: Control, runtime: Runtime, window: LogEntry, ann: int
) -> None:
    bob = await control.add_user("Bob")
    said = await control.say(bob, "/start")
    await control.wait_for(
        lambda entry: entry.kind == LogKind.MESSAGE and entry.chat_id == said.chat_id
    )
    await control.fault(
        FaultKind.STATUS,
        method="PUT",
        chat_id=window.chat_id,
        status=429,
        count=1,
        retry_after=20,
    )
    loop = asyncio.get_running_loop()
    began = loop.time()

    limited = await runtime.dialog(chat_id=window.chat_id or 0, user_id=ann).update(
        {"k": 1}
    )
    await control.wait_for(lambda entry: entry.status == 429)
    free = await runtime.dialog(chat_id=said.chat_id or 0, user_id=bob).update({"k": 2})
    await free.drawn()
    free_after = loop.time() - began
    await limited.drawn()
    limited_after = loop.time() - began

    # On a server the time of the loop runs on while a call is on its way.
    assert free_after < 10
    assert 20 <= limited_after < 30
    shown = await control.messages(window.chat_id or 0)
    assert shown[-1].text == "0 k=1"


async def test_the_view_that_is_newest_when_the_token_comes_is_the_one_that_is_drawn(
    dispatcher: Dispatcher,
) -> None:
    bot = RecordingBot(calls_per_second=1)
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        await send(chat.dialog(1), 1)
        await send(chat.dialog(1), 2)
        await asyncio.sleep(0.5)
        await send(chat.dialog(1), 3)
        await chat.settled()

        assert texts(bot.history(chat.screen(1).id)) == ["0 ", "0 k=1", "0 k=3"]


async def test_a_click_on_the_message_before_is_drawn_on_the_message_of_now(
    chat: Playground,
) -> None:
    old = chat.screen(1).id

    with chat.bot.hold(Method.SEND) as hold:
        await send(chat.dialog(1), 1, ShowMode.SEND)
        await hold.reached()
        press = await chat.click(1, "more", message_id=old)
        await asyncio.sleep(1)
    await chat.settled()

    assert chat.screen(1).text == "1 k=1"
    assert texts(chat.bot.history(old))[-1] == "0 "
    answers = chat.bot.calls_of(Method.ANSWER)
    assert [(call.callback_id, call.view) for call in answers] == [(press, None)]


@settings(max_examples=60, deadline=None)
@example(seed=2541)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_pressed_and_sent_the_screen_shows_the_state(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a reproducible schedule, no secret
    VirtualClock().run(press_and_send(dice))


class Pressing(StatesGroup):
    counting = State()


async def count(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["k"] += 1


async def press_and_send(dice: random.Random) -> None:
    dispatcher = Dispatcher()
    button = Button(Const("+"), id="more", on_click=count)
    window = Window(Format("{dialog_data[k]}"), button, state=Pressing.counting)
    dispatcher.include_router(Dialog(window, on_start=begin))
    bot = RecordingBot(calls_per_second=dice.choice((None, 2)))
    kinds = dice.choice((2, 3))
    async with Playground(dispatcher, bot=bot) as chat:
        _receipt = await chat.dialog(1).start(Pressing.counting)
        await chat.settled()
        async with asyncio.TaskGroup() as group:
            group.create_task(disturb(bot, dice, kinds=kinds))
            for _ in range(dice.randrange(25)):
                await press_or_send(chat, dice)
                await asyncio.sleep(dice.choice((0, 0, 0.1, 1)))
        await chat.settled()
        if kinds == 2:  # nobody has deleted what was shown last
            async with chat.dialog(1).fg() as manager:
                assert chat.screen(1).text == str(manager.dialog_data["k"])
        await send(chat.dialog(1), LAST)
        await chat.settled()

        assert chat.screen(1).text == str(LAST)
        pressable = [message for message in chat.messages(1) if message.labels]
        assert [message.id for message in pressable] == [chat.screen(1).id]


async def press_or_send(chat: Playground, dice: random.Random) -> None:
    shown = [message.id for message in chat.messages(1) if message.labels]
    if shown and dice.random() < 0.6:
        await chat.click(1, "+", message_id=dice.choice(shown))
        return
    mode = dice.choice((None, ShowMode.SEND, ShowMode.DELETE_AND_SEND))
    _receipt = await chat.dialog(1).update({"k": dice.randrange(100)}, show_mode=mode)


async def test_a_view_that_fails_while_a_newer_one_waits_is_not_tried_again(
    chat: Playground,
) -> None:
    message = chat.screen(1).id
    chat.bot.fail(MessengerUnavailableError("edit", "HTTP 503"))

    with chat.bot.hold() as hold:
        first = await chat.dialog(1).update({"k": 1})
        await hold.reached()
        second = await chat.dialog(1).update({"k": 2})
        await second
    for receipt in (first, second):
        await receipt.drawn()

    assert texts(chat.bot.history(message)) == ["0 ", "0 k=2"]


async def test_clicks_whose_answer_fails_are_all_answered_when_it_works_again(
    chat: Playground,
) -> None:
    chat.bot.fail(MessengerUnavailableError("answer", "HTTP 503"))

    with chat.bot.hold() as hold:
        presses = [await chat.click(1, "more")]
        await hold.reached()
        presses += [await chat.click(1, "more"), await chat.click(1, "more")]
        await asyncio.sleep(1)
    await chat.settled()

    done = [call for call in chat.bot.calls_of(Method.ANSWER) if call.error is None]
    assert sorted(str(call.callback_id) for call in done) == sorted(presses)
    assert chat.screen(1).text == "3 "
