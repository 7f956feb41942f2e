"""Whatever comes in: a typed error or a defined outcome, and nothing else stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.actors import (
    Counts,
    Letter,
    Mail,
    MemoryEngine,
    Opened,
    Owed,
    TimedLetter,
)
from duologue.dialogs import (
    Dialog,
    DialogManager,
    ErrorEvent,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import Command
from duologue.dialogs.widgets.text import Const, Format, Text
from duologue.errors import (
    InjectionError,
    InvalidAddressError,
    MalformedUpdateError,
    MessengerUnavailableError,
    UnauthorizedError,
    UnknownCommandError,
    UnknownStateError,
    UnknownUpdateError,
    ViewError,
    WebhookSetError,
    WidgetError,
)
from duologue.testing import Playground, RecordingBot
from duologue.transport.max import Bot, Subscription
from duologue.transport.sandbox import Control, FaultKind, LogEntry, Sandbox

KEY = "dialog/test.1:1:1"


async def test_a_wrong_token_is_named_at_the_start(
    sandbox: Sandbox, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    bot = Bot("wrong", base_url=sandbox.url)
    began = asyncio.get_running_loop().time()

    with pytest.raises(UnauthorizedError, match="check the token") as e:
        async with Runtime(dispatcher, [bot], state_dir=tmp_path):
            pass

    assert "wrong" not in str(e.value)
    assert asyncio.get_running_loop().time() - began < 1


async def test_an_unreachable_messenger_is_named_after_the_time_to_start(
    dispatcher: Dispatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("token", base_url="http://127.0.0.1:9")

    with pytest.raises(
        MessengerUnavailableError, match="check the address and the net"
    ):
        async with Runtime(dispatcher, [bot], state_dir=tmp_path, start_timeout=30):
            pass

    warnings = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert len(warnings) == 1


async def test_malformed_updates_are_set_aside_and_the_next_one_is_handled(
    control: Control,
    runtime: Runtime,
    window: LogEntry,
    ann: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        await control.inject({"update_type": "message_callback", "callback": 7})
    await control.inject({"update_type": "message_callback", "timestamp": "now"})
    await control.click(ann, window.message_id or "", text="more")
    await control.wait_for(lambda entry: entry.text == "1 ", timeout=60)
    await runtime.settled()

    told = [line for line in caplog.records if "message_callback" in line.getMessage()]
    assert len(told) == 1


async def test_malformed_updates_are_refused_by_accept(chat: Playground) -> None:
    with pytest.raises(MalformedUpdateError, match="it is not JSON"):
        await chat.runtime.accept(chat.bot, b"{")
    with pytest.raises(MalformedUpdateError, match="it is not an object"):
        await chat.runtime.accept(chat.bot, b"[]")
    with pytest.raises((MalformedUpdateError, UnknownUpdateError)):
        await chat.runtime.accept(chat.bot, {})


@pytest.mark.in_memory
@pytest.mark.parametrize(
    "body",
    [
        b'["from the future", 1]',
        b'["data"]',
        b'["data", "", null, {}, null, "one too many"]',
        b"{}",
        b"[]",
        b"7",
        b"not JSON",
        b"\xff",
    ],
)
async def test_an_unknown_command_becomes_a_dead_letter_and_the_chat_goes_on(
    chat: Playground, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await chat.engine.enqueue([Letter(KEY, Mail("odd", body))])
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "
    assert [type(error) for error in chat.take_errors()] == [UnknownCommandError]
    assert [letter.mail.id for letter in chat.engine.dead_letters()] == ["odd"]
    errors = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert len(errors) == 1


async def test_mail_for_an_address_that_cannot_be_is_a_dead_letter(
    chat: Playground,
) -> None:
    key = "dialog/test.1:nobody"

    await chat.engine.enqueue([Letter(key, Mail("lost", b'["lend", "", null]'))])
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "
    assert [type(error) for error in chat.take_errors()] == [InvalidAddressError]
    assert [letter.key for letter in chat.engine.dead_letters()] == [key]


async def test_mail_of_a_bot_that_is_not_there_waits_for_it(chat: Playground) -> None:
    mail = Mail("early", b'["lend", "", null]')

    await chat.engine.enqueue([Letter("dialog/test.2:1:1", mail)])
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "
    assert chat.engine.waiting() == 1
    assert chat.engine.dead_letters() == ()


async def test_a_command_for_a_window_that_is_no_longer_there_is_reported(
    chat: Playground,
) -> None:
    body = b'["switch", "", null, "Counter:removed", null]'

    await chat.engine.enqueue([Letter(KEY, Mail("old", body))])
    await chat.click(1, "more")
    await chat.settled()

    assert [type(error) for error in chat.take_errors()] == [UnknownStateError]
    assert chat.screen(1).text == "1 "


async def test_a_state_without_a_window_in_a_handler_is_reported_and_rolled_back(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    class Forgotten(StatesGroup):
        window = State()

    async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Forgotten.window)

    dispatcher.message.register(start, Command("forgotten"))

    await chat.say(1, "/forgotten")
    await chat.click(1, "more")
    await chat.settled()

    (error,) = chat.take_errors()
    assert isinstance(error, UnknownStateError)
    assert "include its Dialog in the dispatcher" in str(error)
    assert chat.screen(1).text == "1 "


async def test_a_handler_that_asks_for_what_nobody_provides_is_told_what_there_is(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def ask(_: MessageCreated, database: object) -> None:
        del database

    dispatcher.message.register(ask, Command("ask"))

    await chat.say(1, "/ask")
    await chat.settled()

    (error,) = chat.take_errors()
    assert isinstance(error, InjectionError)
    assert "dialog_manager" in error.known


class Odd(StatesGroup):
    window = State()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (Format("{missing}"), WidgetError),
        (Const(" "), ViewError),
        (Const("x" * 4001), ViewError),
    ],
)
async def test_a_window_that_cannot_be_shown_is_reported_and_not_opened(
    chat: Playground, dispatcher: Dispatcher, text: Text, expected: type[Exception]
) -> None:
    dispatcher.include_router(Dialog(Window(text, state=Odd.window)))

    receipt = await chat.dialog(1).start(Odd.window, mode=StartMode.RESET_STACK)
    with pytest.raises(expected):
        await receipt
    await chat.click(1, "more")
    await chat.settled()

    assert chat.screen(1).text == "1 "


async def test_an_error_hook_that_raises_stops_nothing(dispatcher: Dispatcher) -> None:
    calls: list[str] = []

    def hook(error: BaseException, where: str, /) -> None:
        calls.append(f"{type(error).__name__} in {where}")
        raise LookupError

    bot = RecordingBot()
    async with Runtime(dispatcher, [bot], polling=None, on_error=hook) as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)
        _receipt = await dialog.start(dispatcher.state_by_name("Counter:showing"))
        _receipt = await dialog.switch_to(dispatcher.state_by_name("Note:writing"))
        await runtime.settled()

    assert calls == [f"WrongStateError in {KEY}"]
    assert bot.messages(1)[0].text == "0 "


async def test_an_error_hook_that_raises_after_an_error_handler_has_stops_nothing(
    dispatcher: Dispatcher,
) -> None:
    def hook(error: BaseException, where: str, /) -> None:
        raise LookupError(where) from error

    async def fail_too(_: ErrorEvent) -> None:
        raise ArithmeticError

    dispatcher.error.register(fail_too)
    bot = RecordingBot()
    async with Runtime(dispatcher, [bot], polling=None, on_error=hook) as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)
        _receipt = await dialog.update({"k": 1})
        _receipt = await dialog.start(dispatcher.state_by_name("Counter:showing"))
        async with asyncio.timeout(60):
            await runtime.settled()

    assert bot.messages(1)[0].text == "0 "


async def test_an_observer_that_raises_stops_nothing(dispatcher: Dispatcher) -> None:
    class Broken(Counts):
        is_broken = False

        def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
            if self.is_broken and name == "turns":
                self.is_broken = False
                raise ArithmeticError
            super().count(name, amount, **labels)

    observer = Broken()
    bot = RecordingBot()
    async with Runtime(dispatcher, [bot], polling=None, observer=observer) as runtime:
        dialog = runtime.dialog(chat_id=1, user_id=1)
        receipts = [await dialog.start(dispatcher.state_by_name("Counter:showing"))]
        observer.is_broken = True
        receipts += [await dialog.update({"k": number}) for number in range(5)]
        async with asyncio.timeout(60):
            await runtime.settled()

    assert all(receipt.done() for receipt in receipts)
    assert bot.messages(1)[-1].text == "0 k=4"


@pytest.mark.parametrize("half", ["half an emoji \ud83d", "\udc00"])
async def test_a_message_with_half_a_character_is_handled_and_stops_nothing(
    control: Control,
    runtime: Runtime,
    dispatcher: Dispatcher,
    window: LogEntry,
    ann: int,
    *,
    half: str,
) -> None:
    seen: list[str] = []

    async def note(message: MessageCreated) -> None:
        seen.append(message.text)

    dispatcher.message.register(note)

    await control.say(ann, half)
    await control.click(ann, window.message_id or "", text="more")
    await control.wait_for(lambda entry: entry.text == "1 ", timeout=60)
    await runtime.settled()

    assert seen == [half]


async def test_half_a_character_survives_in_the_data_of_a_dialog(
    chat: Playground,
) -> None:
    await (await chat.dialog(1).update({"k": "\ud83d"}))
    await chat.settled()

    async with chat.dialog(1).fg() as manager:
        assert manager.dialog_data["k"] == "\ud83d"


async def test_an_update_that_json_cannot_hold_is_refused_as_malformed(
    chat: Playground,
) -> None:
    raw = chat.bot.wrote(1, 1, "hi")

    with pytest.raises(MalformedUpdateError, match="it is not JSON"):
        await chat.runtime.accept(chat.bot, {**raw, "odd": float("nan")})


async def test_a_runtime_starts_though_the_messenger_does_not_tell_its_webhooks(
    control: Control, sandbox: Sandbox, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    ann = await control.add_user("Ann")
    await control.fault(FaultKind.STATUS, path="/subscriptions", count=2, status=503)
    bot = Bot(sandbox.token, base_url=sandbox.url)

    async with Runtime(dispatcher, [bot], state_dir=tmp_path):
        await control.say(ann, "/start")
        shown = await control.wait_for(lambda entry: entry.text == "0 ", timeout=60)

    assert shown.chat_id is not None


class Hooked(Bot):
    """A bot that somebody has given a webhook."""

    async def subscriptions(self) -> tuple[Subscription, ...]:
        urls = ("https://shop.example/hook/s3cret?key=s3cret", "https://[s3cret")
        return tuple(Subscription(url) for url in urls)


async def test_a_webhook_that_stops_polling_ends_it_and_is_named_without_its_secrets(
    sandbox: Sandbox,
    dispatcher: Dispatcher,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = Hooked(sandbox.token, base_url=sandbox.url)

    async with Runtime(dispatcher, [bot], state_dir=tmp_path) as runtime:
        with pytest.raises(WebhookSetError) as ended:
            await runtime.wait()

    assert (ended.value.bot, ended.value.places) == (
        "max.777001",
        "shop.example, unknown",
    )
    assert "brought to a webhook (shop.example, unknown)" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    "error", [SystemExit(3), BaseExceptionGroup("", [asyncio.CancelledError()])]
)
async def test_a_handler_that_wants_to_end_the_program_ends_its_turn(
    control: Control,
    runtime: Runtime,
    dispatcher: Dispatcher,
    ann: int,
    *,
    error: BaseException,
) -> None:
    async def end(_: MessageCreated) -> None:
        raise error

    dispatcher.message.register(end, Command("end"))
    bob = await control.add_user("Bob")

    await control.say(ann, "/end")
    said = await control.say(bob, "/start")
    await control.wait_for(
        lambda entry: entry.text == "0 " and entry.chat_id == said.chat_id, timeout=60
    )
    await runtime.settled()

    assert isinstance(runtime.observer, Counts)
    assert runtime.observer.of("errors", "TurnAbortedError") == 1


async def test_an_error_handler_that_wants_to_end_the_program_stops_nothing(
    chat: Playground, dispatcher: Dispatcher
) -> None:
    async def end(_: ErrorEvent) -> None:
        raise SystemExit(3)

    dispatcher.error.register(end)

    await chat.click(1, "fail")
    await chat.click(1, "more")
    async with asyncio.timeout(60):
        await chat.settled()

    assert chat.screen(1).text == "1 "
    assert chat.take_errors() != []


async def test_an_engine_that_fails_to_take_note_of_a_failure_stops_nothing(
    dispatcher: Dispatcher,
) -> None:
    class Stumbling(MemoryEngine):
        stumbles = True

        async def fail(
            self,
            opened: Opened,
            *,
            error: str,
            retry: bool,
            snapshot: bytes | None = None,
            owed: Sequence[Owed] = (),
        ) -> None:
            if self.stumbles:
                self.stumbles = False
                raise OSError("no space left")
            await super().fail(
                opened, error=error, retry=retry, snapshot=snapshot, owed=owed
            )

    async with Playground(dispatcher, engine=Stumbling()) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        await chat.click(1, "fail")
        await chat.click(1, "more")
        async with asyncio.timeout(60):
            await chat.settled()

        assert chat.screen(1).text == "1 "
        assert [type(error) for error in chat.take_errors()] == [OSError]


async def test_a_turn_that_another_worker_has_taken_over_changes_nothing_here(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    class TakenOver(MemoryEngine):
        is_lost = False

        async def commit(
            self,
            opened: Opened,
            *,
            snapshot: bytes | None,
            outbox: Sequence[Letter] = (),
            owed: Sequence[Owed] = (),
            timed: Sequence[TimedLetter] = (),
            keep: bool = False,
        ) -> Opened | None:
            if self.is_lost:
                self.is_lost = False
                await self.fail(opened, error="", retry=True)
            return await super().commit(
                opened,
                snapshot=snapshot,
                outbox=outbox,
                owed=owed,
                timed=timed,
                keep=keep,
            )

    engine = TakenOver()
    async with Playground(dispatcher, engine=engine) as chat:
        await chat.say(1, "/start")
        await chat.settled()

        engine.is_lost = True
        await chat.click(1, "more")
        await chat.settled()

        assert chat.screen(1).text == "1 "
        assert "was taken over by another worker" in caplog.text
