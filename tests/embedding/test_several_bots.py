"""Several bots in one runtime: each keeps its own chats, and none waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    Batch,
    Dialog,
    DialogManager,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    BotTwiceError,
    DispatcherTakenError,
    MessengerUnavailableError,
    RateLimitedError,
    UnauthorizedError,
    UnknownBotError,
)
from duologue.testing import RecordingBot
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, Sandbox


class Counter(StatesGroup):
    counting = State()


async def begin(_: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(Counter.counting, mode=StartMode.RESET_STACK)
    dialog_manager.dialog_data["n"] = 0


async def count(_: object, __: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] += 1


@pytest.fixture
def counters() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.message.register(begin, CommandStart())
    window = Window(
        Format("{dialog_data[n]}"),
        Button(Const("more"), "more", on_click=count),
        state=Counter.counting,
    )
    dispatcher.include_router(Dialog(window))
    return dispatcher


@pytest.fixture
async def bots() -> list[RecordingBot]:
    return [RecordingBot(id=1), RecordingBot(id=2)]


@pytest.fixture
async def runtime(
    counters: Dispatcher, bots: list[RecordingBot]
) -> AsyncIterator[Runtime]:
    async with Runtime(counters, bots, polling=None) as runtime:
        for bot in bots:
            await runtime.accept(bot, bot.wrote(5, 5, "/start"))
        await runtime.settled()
        yield runtime


async def test_the_same_chat_and_user_under_two_bots_never_mix(
    runtime: Runtime, bots: list[RecordingBot]
) -> None:
    first, second = bots
    shown = first.messages(5)[-1]
    payload = shown.payload_of("more")
    assert payload is not None

    for _ in range(3):
        press = first.pressed(5, 5, payload, message_id=shown.id)
        await runtime.accept(first, press)
    await runtime.settled()

    assert first.messages(5)[-1].text == "3"
    assert second.messages(5)[-1].text == "0"


async def test_a_dialog_is_that_of_the_bot_that_was_named(
    runtime: Runtime, bots: list[RecordingBot]
) -> None:
    first, second = bots

    await (await runtime.dialog(second, chat_id=5, user_id=5).update({"n": 7}))
    own = runtime.dialog(first, chat_id=5, user_id=5)
    await (await own.bg(second).update({"n": 8}))
    await runtime.settled()

    assert first.messages(5)[-1].text == "0"
    assert second.messages(5)[-1].text == "8"


async def test_a_call_that_names_no_bot_is_told_which_there_are(
    runtime: Runtime,
) -> None:
    with pytest.raises(UnknownBotError, match="no bot was named") as caught:
        runtime.dialog(chat_id=5, user_id=5)

    assert caught.value.known == ("test.1", "test.2")


async def test_a_bot_of_another_runtime_is_refused(runtime: Runtime) -> None:
    with pytest.raises(UnknownBotError, match=r"test\.9 does not run"):
        runtime.dialog(RecordingBot(id=9), chat_id=5, user_id=5)


async def test_two_bots_of_one_account_are_refused_at_the_start(
    counters: Dispatcher,
) -> None:
    bots = [RecordingBot(id=3), RecordingBot(id=3)]

    with pytest.raises(BotTwiceError, match=r"test\.3"):
        async with Runtime(counters, bots, polling=None):
            pytest.fail("the block must not begin")


class Away(RecordingBot):
    """A bot whose messenger cannot be reached until it comes back."""

    def __init__(self, *, id: int, verdict: Exception | None = None) -> None:  # noqa: A002  # the name of the attribute
        super().__init__(id=id)
        self.is_back = False
        self.tries = 0
        self._verdict = verdict

    async def start(self) -> None:
        self.tries += 1
        if not self.is_back:
            raise MessengerUnavailableError("GET /me", "no route")
        if self._verdict is not None:
            raise self._verdict


async def test_the_others_begin_at_once_and_it_joins_them_later(
    counters: Dispatcher,
) -> None:
    here, away = RecordingBot(id=1), Away(id=2)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with Runtime(counters, [away, here], polling=None) as runtime:
        took = loop.time() - began
        await runtime.accept(here, here.wrote(5, 5, "/start"))
        await runtime.settled()
        with pytest.raises(UnknownBotError, match=r"test\.2 does not run"):
            runtime.dialog(away, chat_id=5, user_id=5)
        with pytest.raises(UnknownBotError, match="no bot was named"):
            runtime.dialog(chat_id=5, user_id=5)
        await asyncio.sleep(3600)
        away.is_back = True
        await asyncio.sleep(31)
        await runtime.accept(away, away.wrote(5, 5, "/start"))
        await runtime.settled()
        in_its_dialog = runtime.dialog(away, chat_id=5, user_id=5)
        await (await in_its_dialog.update({"n": 3}))

    assert took == 0
    assert here.messages(5)[-1].text == "0"
    assert away.messages(5)[-1].text == "3"


async def test_no_bot_at_all_within_the_time_to_start_is_an_error(
    counters: Dispatcher,
) -> None:
    bots = [Away(id=1), Away(id=2)]

    with pytest.raises(MessengerUnavailableError):
        async with Runtime(counters, bots, polling=None, start_timeout=30):
            pytest.fail("the block must not begin")

    assert all(bot.tries > 3 for bot in bots)


async def test_tries_that_take_long_count_against_the_time_to_start(
    counters: Dispatcher,
) -> None:
    class Silent(RecordingBot):
        async def start(self) -> None:
            await asyncio.sleep(20)
            raise MessengerUnavailableError("GET /me", "no answer")

    loop = asyncio.get_running_loop()
    began = loop.time()

    with pytest.raises(MessengerUnavailableError):
        async with Runtime(counters, [Silent()], polling=None, start_timeout=30):
            pytest.fail("the block must not begin")

    assert loop.time() - began == 41


class Crowded(RecordingBot):
    """A bot whose messenger wants a pause before the second try."""

    def __init__(self, pause: float) -> None:
        super().__init__()
        self.tries = 0
        self._pause = pause

    async def start(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise RateLimitedError("GET /me", "too many", self._pause)


async def test_a_pause_beyond_the_time_to_start_is_not_waited_for(
    counters: Dispatcher,
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    with pytest.raises(RateLimitedError) as caught:
        async with Runtime(counters, [Crowded(3600)], polling=None):
            pytest.fail("the block must not begin")

    assert loop.time() == began
    assert caught.value.retry_after == 3600


async def test_a_messenger_that_wants_a_pause_before_the_next_try_gets_it(
    counters: Dispatcher,
) -> None:
    bot = Crowded(25.0)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with Runtime(counters, [bot], polling=None):
        took = loop.time() - began

    assert (took, bot.tries) == (25.0, 2)


async def test_a_start_that_is_cancelled_leaves_no_task_behind(
    counters: Dispatcher,
) -> None:
    runtime = Runtime(counters, [Away(id=1)], polling=None, start_timeout=None)
    start = asyncio.get_running_loop().create_task(runtime.__aenter__())
    await asyncio.sleep(10)

    start.cancel()
    await asyncio.wait([start])
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_two_runtimes_that_begin_at_once_do_not_share_a_dispatcher(
    counters: Dispatcher,
) -> None:
    first, second = Away(id=1), RecordingBot(id=2)
    waiting = Runtime(counters, [first], polling=None, start_timeout=None)
    start = asyncio.get_running_loop().create_task(waiting.__aenter__())
    await asyncio.sleep(1)

    with pytest.raises(DispatcherTakenError):
        async with Runtime(counters, [second], polling=None):
            pytest.fail("the block must not begin")
    first.is_back = True
    await start

    assert waiting.dialog(chat_id=5, user_id=5).address.bot == "test.1"
    await waiting.__aexit__(None, None, None)


async def test_a_runtime_that_has_ended_may_begin_again(
    counters: Dispatcher,
) -> None:
    bot = RecordingBot()
    runtime = Runtime(counters, [bot], polling=None)

    for _ in range(2):
        async with runtime:
            await runtime.accept(bot, bot.wrote(5, 5, "/start"))

    assert [message.text for message in bot.messages(5)] == ["/start", "0"] * 2


async def test_without_a_bot_there_is_none_to_name() -> None:
    async with Runtime(Dispatcher(), []) as runtime:
        await runtime.wait()
        with pytest.raises(UnknownBotError, match="has none that is connected"):
            runtime.dialog(chat_id=5, user_id=5)


class Fetched(RecordingBot):
    """A bot that is polled: in vain, until its token is withdrawn."""

    base_url = "http://127.0.0.1"

    def __init__(self, *, id: int = 1) -> None:  # noqa: A002  # the name of the attribute
        super().__init__(id=id)
        self.withdrawn = asyncio.Event()

    async def get_updates(self, **_: object) -> Batch:
        await self.withdrawn.wait()
        raise UnauthorizedError("GET /updates", "unknown token")


async def test_a_question_about_webhooks_holds_nobody_up(
    counters: Dispatcher, tmp_path: Path
) -> None:
    class Slow(Fetched):
        async def subscriptions(self) -> list[object]:
            await asyncio.sleep(3600)
            return []

    bots = [Slow(id=1), RecordingBot(id=2)]
    loop = asyncio.get_running_loop()
    began = loop.time()

    async with Runtime(counters, bots, state_dir=tmp_path):
        took = loop.time() - began

    assert took == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_token_that_is_withdrawn_is_told_once_and_ends_the_wait(
    counters: Dispatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    bot = Fetched()

    async with Runtime(
        counters,
        [bot, RecordingBot(id=2)],
        state_dir=tmp_path,
        on_error=lambda _, where: told.append(where),
    ) as runtime:
        bot.withdrawn.set()
        with pytest.raises(UnauthorizedError):
            await runtime.wait()

    assert told == ["the polling of test.1"]
    assert [r.levelname for r in caplog.records].count("ERROR") == 1


async def test_a_wrong_token_is_an_error_at_the_start_whoever_else_is_there(
    counters: Dispatcher,
) -> None:
    wrong = Away(id=2, verdict=UnauthorizedError("GET /me", "unknown token"))
    wrong.is_back = True

    with pytest.raises(UnauthorizedError):
        async with Runtime(counters, [RecordingBot(), wrong], polling=None):
            pytest.fail("the block must not begin")


async def test_a_wrong_token_that_shows_later_is_reported_and_ends_the_wait(
    counters: Dispatcher,
) -> None:
    told: list[str] = []
    late = Away(id=2, verdict=UnauthorizedError("GET /me", "unknown token"))

    async with Runtime(
        counters,
        [RecordingBot(), late],
        polling=None,
        on_error=lambda error, where: told.append(f"{where}: {error}"),
    ) as runtime:
        late.is_back = True
        with pytest.raises(UnauthorizedError):
            await runtime.wait()

    assert len(told) == 1
    assert "the start of test" in told[0]


async def test_the_end_does_not_wait_for_one_that_never_came(
    counters: Dispatcher,
) -> None:
    away = Away(id=2)
    loop = asyncio.get_running_loop()

    async with Runtime(counters, [RecordingBot(), away], polling=None):
        began = loop.time()
    tries = away.tries
    await asyncio.sleep(3600)

    assert loop.time() - began == 3600
    assert away.tries == tries


@pytest.fixture
async def servers() -> AsyncIterator[list[Sandbox]]:
    async with Sandbox(bot_id=1) as first, Sandbox(bot_id=2) as second:
        yield [first, second]


@pytest.mark.real_time
async def test_each_update_goes_to_the_dialogs_of_its_bot(
    counters: Dispatcher, servers: list[Sandbox], tmp_path: Path
) -> None:
    bots = [Bot(server.token, base_url=server.url) for server in servers]
    controls = [server.control() for server in servers]

    async with Runtime(counters, bots, state_dir=tmp_path) as runtime:
        users = [await control.add_user("Ann", user_id=5) for control in controls]
        for control, user in zip(controls, users, strict=True):
            message = await _open(control, user)
            await control.click(user, message, text="more")
            await _shown(control, "1")
        await runtime.settled()
        keys = {runtime.dialog(bot, chat_id=5, user_id=5).address for bot in bots}

    assert {address.bot for address in keys} == {"max.1", "max.2"}
    assert users == [5, 5]


@pytest.mark.real_time
async def test_the_healthy_one_works_while_the_other_is_down(
    counters: Dispatcher, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(Sandbox(bot_id=2))
        port = int(second.url.rpartition(":")[2])
        token = second.token
        await stack.aclose()
        healthy = await stack.enter_async_context(Sandbox(bot_id=1))
        bots = [
            Bot(token, base_url=second.url),
            Bot(healthy.token, base_url=healthy.url),
        ]
        async with Runtime(counters, bots, state_dir=tmp_path):
            control = healthy.control()
            await _open(control, await control.add_user("Ann"))
            back = await stack.enter_async_context(
                Sandbox(bot_id=2, port=port, token=token)
            )
            other = back.control()
            await _open(other, await other.add_user("Bob"))


@pytest.mark.real_time
async def test_a_messenger_that_goes_down_pauses_its_own_bot_only(
    counters: Dispatcher, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        healthy = await stack.enter_async_context(Sandbox(bot_id=1))
        async with AsyncExitStack() as short:
            failing = await short.enter_async_context(Sandbox(bot_id=2))
            bots = [
                Bot(server.token, base_url=server.url) for server in (failing, healthy)
            ]
            runtime = Runtime(counters, bots, state_dir=tmp_path, drain=0.1)
            await stack.enter_async_context(runtime)
            other = failing.control()
            await _open(other, await other.add_user("Bob"))
        control = healthy.control()
        user = await control.add_user("Ann")
        message = await _open(control, user)
        await control.click(user, message, text="more")
        await _shown(control, "1")


async def _open(control: Control, user: int) -> str:
    await control.say(user, "/start")
    return await _shown(control, "0")


async def _shown(control: Control, text: str) -> str:
    entry = await control.wait_for(
        lambda entry: entry.kind in {"message", "edit"} and entry.text == text,
        timeout=60,
    )
    assert entry.message_id is not None
    return entry.message_id
