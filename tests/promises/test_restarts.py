"""What a restart finds on an engine that outlives the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import Engine, Owed
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    Message,
    Sent,
    ShowMode,
    State,
    StatesGroup,
    View,
    Window,
)
from duologue.dialogs._screen._owed import load_view
from duologue.dialogs.routing import Command
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import MessengerUnavailableError, RateLimitedError
from duologue.testing import Method, Playground, RecordingBot
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, LogEntry, LogKind, Sandbox
from tests.promises.conftest import DURABLE, Counter, Kept, Life, MakeEngine


@pytest.fixture(autouse=True)
def kept_in() -> None:
    """Each test names its engine itself."""


class Renamed(StatesGroup):
    open = State()


class Told(StatesGroup):
    all = State()


def shown(chat: Playground) -> list[str]:
    """What the bot shows in the chat with user 1."""
    return [each.text for each in chat.bot.messages(1) if each.user_id is None]


def with_buttons(chat: Playground) -> list[str]:
    """What has buttons there."""
    return [each.text for each in chat.bot.messages(1) if each.keyboard]


@pytest.fixture
def life(dispatcher: Dispatcher, make: MakeEngine, tmp_path: Path) -> Life:
    return Life(dispatcher, make(tmp_path))


@DURABLE
async def test_a_dialog_goes_on_after_a_restart(life: Life) -> None:
    async with life.run() as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

    async with life.run() as chat:
        await chat.click(1, "more")
        await chat.settled()

        assert chat.screen(1).text == "2 "


@DURABLE
async def test_a_view_that_was_not_drawn_is_drawn_without_a_new_event(
    life: Life,
) -> None:
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold():
            await chat.click(1, "more")
            await asyncio.sleep(1)
            # The process ends with the call in the air.
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        assert chat.screen(1).text == "1 "
        assert len(shown(chat)) == 1


@DURABLE
async def test_the_first_window_is_sent_after_a_restart_and_can_be_pressed(
    life: Life,
) -> None:
    async with life.run(drain=0) as chat:
        with chat.bot.hold():
            await chat.say(1, "/start")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

        assert shown(chat) == ["1 "]


class Distant(Kept):
    """Takes a second to tell what is owed."""

    async def owed(
        self,
        screen: str,
        *,
        new: bool = False,  # noqa: ARG002  # it is asked once
    ) -> tuple[Sequence[Owed], bytes | None]:
        await asyncio.sleep(1)
        return await super().owed(screen)


async def test_what_many_chats_are_owed_is_asked_for_together(
    dispatcher: Dispatcher,
) -> None:
    life = Life(dispatcher, Distant())
    users = range(1, 51)
    async with life.run(drain=0) as chat:
        with chat.bot.hold():
            for user in users:
                await chat.say(user, "/start")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await asyncio.sleep(5)

        assert all(chat.screen(user).text == "0 " for user in users)


@DURABLE
async def test_what_a_handler_has_answered_is_sent_after_a_restart_in_its_order(
    life: Life,
) -> None:
    async def answer(message: Message) -> None:
        sent = await message.answer("one")
        await message.answer("two")
        await sent.edit_text("one, changed")

    life.dispatcher.message.register(answer, Command("answer"))
    async with life.run(drain=0) as chat:
        with chat.bot.hold():
            await chat.say(1, "/answer")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        assert shown(chat) == ["one, changed", "two"]


@DURABLE
async def test_a_change_finds_its_message_though_another_process_has_sent_it(
    life: Life,
) -> None:
    async def answer(message: Message) -> None:
        sent = await message.answer("one")
        await sent.edit_text("one, changed")

    life.dispatcher.message.register(answer, Command("answer"))
    async with life.run(drain=0) as chat:
        with chat.bot.hold(Method.EDIT):
            await chat.say(1, "/answer")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        assert shown(chat) == ["one, changed"]


@DURABLE
async def test_a_handle_in_data_learns_what_another_process_has_sent(
    life: Life,
) -> None:
    async def answer(message: Message, dialog_manager: DialogManager) -> None:
        dialog_manager.dialog_data["kept"] = await message.answer("one")

    async def change(_: Message, dialog_manager: DialogManager) -> None:
        kept: Sent = dialog_manager.dialog_data["kept"]
        await kept.edit_text(f"{kept.id}, changed")

    life.dispatcher.message.register(answer, Command("answer"))
    life.dispatcher.message.register(change, Command("change"))
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold():
            await chat.say(1, "/answer")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()
        await chat.say(1, "/change")
        await chat.settled()

        assert any(text.endswith(", changed") for text in shown(chat))


@DURABLE
async def test_a_text_that_answers_a_press_is_shown_after_a_restart(
    life: Life,
) -> None:
    async def tell(callback: Callback) -> None:
        await callback.answer("done")

    life.dispatcher.callback_query.register(tell)
    async with life.run(drain=0) as chat:
        with chat.bot.hold():
            await chat.deliver(chat.bot.pressed(1, 1, "other", message_id=None))
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        cut_off, made = chat.bot.calls_of(Method.ANSWER)
        assert (cut_off.notification, made.notification) == ("done", "done")


@DURABLE
@pytest.mark.parametrize("ending", ["refused", "failed"])
async def test_a_press_that_changed_nothing_is_answered_after_a_restart(
    life: Life, ending: str
) -> None:
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        message = chat.screen(1)
        payload = message.payload_of("more" if ending == "refused" else "fail")
        if ending == "refused":
            await chat.click(1, "other")
            await chat.settled()
        with chat.bot.hold(Method.ANSWER):
            await chat.press(1, payload or "", message_id=message.id)
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)
        chat.take_errors()

    async with life.run() as chat:
        await chat.settled()

        cut_off, made = chat.bot.calls_of(Method.ANSWER)[-2:]
        assert made.notification == cut_off.notification
        assert made.callback_id == cut_off.callback_id


@DURABLE
async def test_a_press_is_answered_after_a_restart_though_its_deadline_had_come(
    life: Life, gate: asyncio.Event, held: asyncio.Event
) -> None:
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold(Method.ANSWER):
            await chat.click(1, "hold")
            await held.wait()
            await asyncio.sleep(6)
            gate.set()
            await asyncio.sleep(2)
            assert chat.screen(1).text == "1 "
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        cut_off, made = chat.bot.calls_of(Method.ANSWER)
        assert made.callback_id == cut_off.callback_id


@DURABLE
async def test_mail_that_was_not_handled_is_handled_after_a_restart(
    life: Life,
) -> None:
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        chat.runtime.engine.serve(["dialog/test.1"], 0, lambda _: None)
        await chat.click(1, "more")
        await chat.click(1, "more")
        await asyncio.sleep(1)

    async with life.run() as chat:
        await chat.settled()

        assert chat.screen(1).text == "2 "
        assert len(chat.bot.calls_of(Method.ANSWER)) == 2


@DURABLE
async def test_an_outage_of_the_messenger_may_last_longer_than_the_process(
    life: Life,
) -> None:
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        failures = chat.bot.fail(*[MessengerUnavailableError("edit", "down")] * 100)
        for _ in range(3):
            await chat.click(1, "more")
        await asyncio.sleep(5)

    failures.left.clear()
    async with life.run() as chat:
        await chat.settled()

        assert chat.screen(1).text == "3 "
        assert len(shown(chat)) == 1
        assert chat.take_errors() == []


@DURABLE
async def test_windows_that_were_to_be_sent_are_each_sent_once(life: Life) -> None:
    async def show_again(message: Message, dialog_manager: DialogManager) -> None:
        dialog_manager.dialog_data["text"] = message.text
        await dialog_manager.show(ShowMode.SEND)

    life.dispatcher.message.register(show_again, Command("again"))
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold():
            for _ in range(3):
                await chat.say(1, "/again")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        assert len(shown(chat)) == 4


@DURABLE
async def test_a_press_adopts_a_message_whose_sending_was_not_noted(
    life: Life,
) -> None:
    async with life.run(drain=0) as chat:
        with chat.bot.hold(Method.SEND):
            await chat.say(1, "/start")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)
        [lost] = chat.bot.calls_of(Method.SEND)
    assert lost.view is not None
    # It has arrived all the same: the process ended before the answer came.
    message_id = await life.bot.send_now(1, lost.view)
    payload = life.bot.messages(1)[-1].payload_of("more")
    assert payload is not None

    async with life.run() as chat:
        failures = life.bot.fail(
            *[MessengerUnavailableError("send", "down")] * 3, method=Method.SEND
        )
        await chat.press(1, payload, message_id=message_id)
        await chat.settled()
        del failures

        assert shown(chat) == ["1 "]


class LosingBot(RecordingBot):
    """Does not hear that some of its messages have arrived."""

    deaf = False

    async def send_now(
        self, chat_id: int, view: View, *, reply_to: str | None = None
    ) -> str:
        """Send a message."""
        sent = await super().send_now(chat_id, view, reply_to=reply_to)
        if self.deaf:
            raise MessengerUnavailableError("send", "the answer was lost")
        return sent


@pytest.mark.parametrize("mode", [ShowMode.SEND, ShowMode.DELETE_AND_SEND])
async def test_a_press_adopts_a_later_window_whose_sending_was_not_heard_of(
    dispatcher: Dispatcher, mode: ShowMode
) -> None:
    bot = LosingBot()
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        bot.deaf = True
        await (await chat.dialog(1).update({"k": 1}, show_mode=mode))
        await asyncio.sleep(0.1)
        bot.deaf = False
        await chat.click(1, "more")
        await chat.settled()

        left = ["0 "] if mode is ShowMode.SEND else []
        assert shown(chat) == [*left, "1 k=1"]
        assert with_buttons(chat) == ["1 k=1"]


async def test_a_press_adopts_no_window_for_one_that_was_surely_not_sent(
    dispatcher: Dispatcher,
) -> None:
    bot = LosingBot()
    async with Playground(dispatcher, bot=bot) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        known = bot.messages(1)[-1]
        double = await bot.send_now(1, known.view)
        bot.fail(RateLimitedError("send", "too many", 5.0), method=Method.SEND)
        await (await chat.dialog(1).update({"k": 1}, show_mode=ShowMode.SEND))
        await asyncio.sleep(0.1)
        payload = known.payload_of("more")
        assert payload is not None
        await chat.press(1, payload, message_id=double)
        await chat.settled()

        assert shown(chat) == ["0 ", "0 ", "1 k=1"]
        assert with_buttons(chat) == ["1 k=1"]


async def test_no_user_waits_for_the_handler_of_another(
    sandbox: Sandbox, control: Control, tmp_path: Path
) -> None:
    async def answer(message: Message) -> None:
        if message.text == "slow":
            await asyncio.sleep(8)
        await message.answer(f"done: {message.text}")

    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    bot = Bot(sandbox.token, base_url=sandbox.url)
    ann, ben = [await control.add_user(name) for name in ("Ann", "Ben")]

    def answered(text: str) -> Callable[[LogEntry], bool]:
        return lambda entry: entry.kind == LogKind.MESSAGE and entry.text == text

    async with Runtime(
        dispatcher, [bot], engine=f"sqlite:///{tmp_path}/state.db", state_dir=tmp_path
    ):
        await control.say(ann, "slow")
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await control.say(ben, "quick")
        await control.wait_for(answered("done: quick"))
        quick = asyncio.get_running_loop().time() - began
        await control.wait_for(answered("done: slow"))

    assert quick < 1


async def test_the_limits_of_the_messenger_hold_together_with_the_program_before(
    sandbox: Sandbox, control: Control, tmp_path: Path
) -> None:
    async def answer(message: Message) -> None:
        await message.answer(f"done: {message.text}")

    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    ann = await control.add_user("Ann")

    def answered(text: str) -> Callable[[LogEntry], bool]:
        return lambda entry: entry.kind == LogKind.MESSAGE and entry.text == text

    refused = 0
    # A machine that stands still for a moment has two calls arrive at once.
    for turn in range(3):
        for life in (f"{turn} first", f"{turn} second"):
            async with Runtime(
                dispatcher,
                [Bot(sandbox.token, base_url=sandbox.url)],
                engine=f"sqlite:///{tmp_path}/state.db",
                state_dir=tmp_path,
            ):
                await control.say(ann, f"{life} 1")
                await control.say(ann, f"{life} 2")
                await control.wait_for(answered(f"done: {life} 2"))
        log = await control.log()
        before, refused = refused, [entry.kind for entry in log].count(LogKind.REFUSED)
        if refused == before:
            return

    pytest.fail("calls were refused each time")


@DURABLE
async def test_a_dialog_whose_window_is_gone_is_closed_and_the_user_is_told(
    make: MakeEngine, tmp_path: Path, dispatcher: Dispatcher
) -> None:
    life = Life(dispatcher, make(tmp_path))
    async with life.run() as chat:
        await chat.say(1, "/start")
        await chat.settled()
        payload = chat.bot.messages(1)[-1].payload_of("more")
        message_id = chat.bot.messages(1)[-1].id

    window = Window(Const("another"), state=Renamed.open)
    life.dispatcher = Dispatcher()
    life.dispatcher.include_router(Dialog(window))
    async with life.run() as chat:
        await chat.press(1, payload or "", message_id=message_id)
        await chat.settled()

        answer = chat.bot.calls_of(Method.ANSWER)[-1]
        assert answer.notification == "This button no longer works."
        assert chat.bot.messages(1)[-1].view.keyboard == ()


@DURABLE
async def test_an_orderly_end_waits_for_turns_and_not_for_mail(
    life: Life, held: asyncio.Event, gate: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    async with life.run(drain=100) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        await chat.click(1, "hold")
        await held.wait()
        for _ in range(20):
            await chat.click(1, "more")
        loop.call_later(2, gate.set)
        began = loop.time()
    seconds = loop.time() - began

    assert seconds < 5
    assert life.engine.waiting() == 20
    async with life.run() as chat:
        await chat.settled()

        assert chat.screen(1).text == "21 "


@DURABLE
async def test_a_turn_that_fails_because_the_program_ends_is_run_again_by_the_next(
    life: Life, held: asyncio.Event, gate: asyncio.Event
) -> None:
    ended = [True, False]

    async def use(message: Message) -> None:
        held.set()
        await gate.wait()
        if ended.pop(0):
            raise RuntimeError("the pool of connections is closed")
        await message.answer("used")

    life.dispatcher.message.register(use, Command("use"))
    async with life.run(drain=1) as chat:
        await chat.say(1, "/use")
        await held.wait()
        asyncio.get_running_loop().call_later(1.5, gate.set)  # the time is out by then

    async with life.run() as chat:
        await chat.settled()

        assert chat.messages(1)[-1].view.text == "used"
        assert not life.engine.dead_letters()


def show_again_at(dispatcher: Dispatcher) -> None:
    async def show_again(_: Message, dialog_manager: DialogManager) -> None:
        await dialog_manager.show(ShowMode.SEND)

    dispatcher.message.register(show_again, Command("again"))


async def handle_nothing_more(chat: Playground) -> None:
    await asyncio.sleep(1)
    chat.runtime.engine.serve(["dialog/test.1"], 0, lambda _: None)


@DURABLE
async def test_a_new_message_is_changed_though_its_id_waits_behind_other_mail(
    life: Life,
) -> None:
    show_again_at(life.dispatcher)
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold():
            await chat.say(1, "/again")
            await handle_nothing_more(chat)
            await chat.click(1, "more")
            await asyncio.sleep(1)
        await asyncio.sleep(1)

    async with life.run() as chat:
        await chat.settled()

        assert shown(chat) == ["0 ", "1 "]


@DURABLE
async def test_what_the_process_before_has_noted_is_not_taken_for_what_is_new(
    life: Life,
) -> None:
    show_again_at(life.dispatcher)
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold():
            await chat.say(1, "/again")
            await chat.say(1, "/again")
            await handle_nothing_more(chat)
        with chat.bot.hold():  # the second one
            await asyncio.sleep(1)
            await chat.click(1, "more")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        assert shown(chat) == ["0 ", "0 ", "1 "]


@DURABLE
async def test_a_view_whose_answer_is_owed_goes_to_the_message_that_the_state_knows(
    life: Life,
) -> None:
    show_again_at(life.dispatcher)
    async with life.run(drain=0) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        with chat.bot.hold(Method.ANSWER):
            with chat.bot.hold(Method.SEND):
                await chat.say(1, "/again")
                await asyncio.sleep(1)
                await chat.click(1, "more")  # on the window before
                await asyncio.sleep(1)
            await asyncio.sleep(2)  # the new one is known, and drawn again
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

        assert shown(chat) == ["0 ", "2 "]


@DURABLE
async def test_a_text_is_shown_though_its_view_gave_way_to_another_before_the_end(
    make: MakeEngine, tmp_path: Path
) -> None:
    async def tell(callback: Callback, _: Button, manager: DialogManager) -> None:
        manager.dialog_data["text"] = "pressed"
        await callback.answer("done")

    async def write(message: Message, dialog_manager: DialogManager) -> None:
        if not dialog_manager.has_context():
            await dialog_manager.start(Told.all)
        await dialog_manager.update({"text": message.text}, ShowMode.EDIT)

    dispatcher = Dispatcher()
    dispatcher.message.register(write)
    text, button = Format("{dialog_data[text]}"), Button(Const("tell"), "tell", tell)
    dispatcher.include_router(Dialog(Window(text, button, state=Told.all)))
    life = Life(dispatcher, make(tmp_path))
    async with life.run(drain=0) as chat:
        await chat.say(1, "one")
        await chat.settled()
        with chat.bot.hold(Method.SEND):
            with chat.bot.hold():
                await chat.say(1, "two")
                await asyncio.sleep(1)
                await chat.click(1, "tell")
                await chat.say(1, "three")
                await asyncio.sleep(10)  # the press is answered at its deadline
            await asyncio.sleep(2)
            await chat.runtime.__aexit__(None, None, None)

    async with life.run() as chat:
        await chat.settled()

        assert shown(chat) == ["three", "done"]


@DURABLE
async def test_a_message_that_was_sent_once_more_is_the_one_that_counts(
    life: Life,
) -> None:
    async with life.run(drain=0) as chat:
        with chat.bot.hold(Method.SEND):
            await chat.say(1, "/start")
            await asyncio.sleep(1)
            await chat.runtime.__aexit__(None, None, None)
        [lost] = chat.bot.calls_of(Method.SEND)
    assert lost.view is not None
    # It has arrived all the same: the process ended before the answer came.
    first = await life.bot.send_now(1, lost.view)
    payload = life.bot.messages(1)[-1].payload_of("more")
    assert payload is not None

    async with life.run() as chat:
        # The press comes while the same is being sent again.
        with chat.bot.hold(Method.SEND) as hold:
            await hold.reached()
            await chat.press(1, payload, message_id=first)
            await asyncio.sleep(1)
        await chat.settled()
        await chat.click(1, "more")
        await chat.settled()

        assert shown(chat)[-1] == "2 "
        assert len(shown(chat)) == 2


@DURABLE
async def test_a_press_that_adopts_a_message_leaves_what_handlers_send(
    life: Life,
) -> None:
    async def answer(message: Message, dialog_manager: DialogManager) -> None:
        await message.answer("hello")
        await dialog_manager.start(Counter.showing)

    life.dispatcher.message.register(answer, Command("greet"))
    async with life.run(drain=0) as chat:
        with chat.bot.hold(Method.SEND):
            await chat.say(1, "/greet")
            await asyncio.sleep(1)
            window = await owed_window(life.engine)
            await chat.runtime.__aexit__(None, None, None)
    message_id = await life.bot.send_now(1, window)
    payload = life.bot.messages(1)[-1].payload_of("more")
    assert payload is not None

    async with life.run() as chat:
        life.bot.fail(
            *[MessengerUnavailableError("send", "down")] * 3, method=Method.SEND
        )
        await chat.press(1, payload, message_id=message_id)
        await chat.settled()

        # The window was not tried here: others may have sent it once more than is known.
        assert shown(chat) == ["0 ", "hello", "1 "]


async def owed_window(engine: Engine) -> View:
    """The window that is owed to the chat with user 1."""
    owed, _ = await engine.owed("screen/test.1:1")
    view: list[object] = json.loads(owed[-1].body)[4]
    return load_view(view)
