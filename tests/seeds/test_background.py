"""The listings about background managers do what their pages say."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from duologue import Dispatcher, Runtime
from duologue.dialogs import (
    DIALOG_EVENT_NAME,
    BgManager,
    BgManagerFactory,
    Dialog,
    DialogManager,
    DialogUpdate,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
    setup_dialogs,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import CommandStart, NextHandler
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import AsyncWithNeededError
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, LogEntry, Sandbox

LISTINGS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in Path(__file__).with_name("listings").glob("*.txt")
}


Found = asyncio.Queue[BgManagerFactory]


def run(name: str, **definitions: Json) -> dict[str, Json]:
    """Run a listing with the definitions that its page leaves out."""
    code = compile(LISTINGS[name], name, "exec")
    namespace: dict[str, Json] = {"__name__": name, **definitions}
    exec(code, namespace)  # noqa: S102  # running the listings is what is tested
    return namespace


class Watched(dict[str, Json]):
    """Tells what is read, so that local variables of a listing are known."""

    def __init__(self, data: dict[str, Json], found: Found) -> None:
        super().__init__(data)
        self._found = found

    def __getitem__(self, key: str) -> Json:
        value = super().__getitem__(key)
        self._found.put_nowait(value)
        return value


class Main(StatesGroup):
    first = State()
    second = State()


async def data_getter(dialog_manager: DialogManager) -> dict[str, Json]:
    return {
        "shown": ", ".join(
            f"{key}={value}" for key, value in dialog_manager.dialog_data.items()
        )
    }


def make_dialog(*buttons: Button) -> Dialog:
    """A dialog that shows its data."""
    return Dialog(
        Window(Format("first {shown}"), *buttons, state=Main.first),
        Window(Format("second {shown}"), state=Main.second),
        getter=data_getter,
    )


def make_dispatcher(dialog: Dialog, state: State) -> Dispatcher:
    """A dispatcher that opens a dialog at /start."""
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(state, mode=StartMode.RESET_STACK)

    dispatcher.include_router(dialog)
    return dispatcher


class Errors(list[BaseException]):
    """What nobody awaited."""

    def __call__(self, error: BaseException, _: str, /) -> None:
        self.append(error)


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox, None]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return sandbox.control()


@pytest.fixture
def bot(sandbox: Sandbox) -> Bot:
    return Bot(sandbox.token, base_url=sandbox.url)


@pytest.fixture
def errors() -> Errors:
    return Errors()


class Stage:
    """A running bot and its users."""

    def __init__(self, runtime: Runtime, control: Control) -> None:
        self.runtime = runtime
        self.control = control

    async def open(self, name: str = "Ann") -> tuple[int, int, str]:
        """Let a new user open the dialog; give user, chat and message."""
        user = await self.control.add_user(name)
        said = await self.control.say(user, "/start")
        shown = await self.control.wait_for(
            lambda entry: entry.kind == "message" and entry.chat_id == said.chat_id
        )
        assert said.chat_id is not None
        assert shown.message_id is not None
        return user, said.chat_id, shown.message_id

    async def screen(self, chat_id: int) -> list[str]:
        """What the bot's messages in a chat say once all is drawn."""
        await self.runtime.settled()
        return [
            message.text
            for message in await self.control.messages(chat_id)
            if message.is_from_bot
        ]


@pytest.fixture
def stage(control: Control, bot: Bot, errors: Errors, tmp_path: Path) -> Json:
    @asynccontextmanager
    async def make(dispatcher: Dispatcher) -> AsyncGenerator[Stage, None]:
        async with Runtime(
            dispatcher, [bot], state_dir=tmp_path, on_error=errors
        ) as runtime:
            yield Stage(runtime, control)

    return make


async def test_the_timer_counts_to_ten_in_one_message(
    stage: Json, control: Control, errors: Errors
) -> None:
    page = run("timer")
    dispatcher = make_dispatcher(page["timer_dialog"], page["TimerSG"].running)

    async with stage(dispatcher) as running:
        user, chat_id, message_id = await running.open()
        await control.click(user, message_id, text="Старт")
        await control.wait_for(_says("Счётчик: 10"), timeout=60)

        drawn = [
            (entry.kind, entry.message_id, entry.text)
            for entry in await control.log()
            if entry.kind in {"message", "edit"}
        ]
        assert await running.screen(chat_id) == ["Счётчик: 10"]
    assert drawn == [
        ("edit" if count else "message", message_id, f"Счётчик: {count}")
        for count in range(11)
    ]
    assert errors == []


async def test_a_background_job_opens_a_dialog_and_updates_it(
    stage: Json, control: Control, errors: Errors
) -> None:
    class SG(StatesGroup):
        main = State()

    dialog = Dialog(Window(Format("job {shown}"), state=SG.main, getter=data_getter))
    page = run("background_job", SG=SG)
    dispatcher = make_dispatcher(dialog, SG.main)

    @dispatcher.message()
    async def hear(_: MessageCreated) -> None:
        """Take what is said, so that nothing answers it."""

    async with stage(dispatcher) as running:
        user = await control.add_user("Ann")
        chat_id = (await control.say(user, "anything")).chat_id
        await page["background_job"](setup_dialogs(dispatcher), chat_id, user)
        await control.wait_for(_says("job status=completed"))

        assert await running.screen(chat_id) == ["job status=completed"]
    assert errors == []


async def test_the_four_calls_are_carried_out_in_their_order(
    stage: Json, errors: Errors
) -> None:
    dispatcher = make_dispatcher(make_dialog(), Main.first)

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        page = run(
            "calls",
            bg_manager=running.runtime.dialog(chat_id=chat_id, user_id=user),
            state=Main.second,
            data={"answer": 42},
        )
        await page["listing"]()

        # The second dialog was closed again, so the first one has moved on.
        assert await running.screen(chat_id) == ["second answer=42"]
    assert errors == []


async def test_a_synchronous_fg_says_to_use_async_with(stage: Json) -> None:
    dispatcher = make_dispatcher(make_dialog(), Main.first)

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        bg = running.runtime.dialog(chat_id=chat_id, user_id=user)

        with pytest.raises(AsyncWithNeededError, match="async with"):
            run("foreground", bg_manager=bg, value=1)
        assert await running.screen(chat_id) == ["first "]


async def test_an_async_fg_gives_access_to_the_data(stage: Json) -> None:
    dispatcher = make_dispatcher(make_dialog(), Main.first)

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        bg_manager = running.runtime.dialog(chat_id=chat_id, user_id=user)
        async with bg_manager.fg() as dialog_manager:
            dialog_manager.dialog_data["key"] = "value"
            await dialog_manager.update()

        assert await running.screen(chat_id) == ["first key=value"]


async def test_a_handler_gets_the_factory_by_its_annotation(stage: Json) -> None:
    handler = run("factory_in_handler")["handler"]
    found: Found = asyncio.Queue()
    dispatcher = make_dispatcher(make_dialog(), Main.first)

    @functools.wraps(handler)
    async def watched(update: Json, dialog_bg_factory: BgManagerFactory) -> None:
        await handler(update, dialog_bg_factory)
        found.put_nowait(dialog_bg_factory)

    dispatcher.message.register(watched)

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        await running.control.say(user, "hello")
        await _use(await found.get(), user, chat_id)

        assert await running.screen(chat_id) == ["first works=True"]


async def test_a_middleware_finds_the_factory_in_its_data(stage: Json) -> None:
    middleware = type("Middleware", (), run("factory_in_middleware"))()
    found: Found = asyncio.Queue()
    dispatcher = make_dispatcher(make_dialog(), Main.first)

    async def watched(
        handler: NextHandler, event: MessageCreated, data: dict[str, Json]
    ) -> Json:
        if event.text == "/start":
            return await handler(event, data)
        return await middleware(handler, event, Watched(data, found))

    dispatcher.update.outer_middleware(watched)

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        await running.control.say(user, "hello")
        await _use(await found.get(), user, chat_id)

        assert await running.screen(chat_id) == ["first works=True"]


async def test_setup_dialogs_gives_the_factory(stage: Json) -> None:
    dispatcher = make_dispatcher(make_dialog(), Main.first)
    factory = run("factory_from_setup", dispatcher=dispatcher)["dialog_bg_factory"]

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        await _use(factory, user, chat_id)

        assert await running.screen(chat_id) == ["first works=True"]


async def test_a_handler_of_a_dialog_finds_the_factory_in_its_manager(
    stage: Json,
) -> None:
    handler = run("factory_in_dialog")["handler"]
    found: Found = asyncio.Queue()

    async def watched(update: Json, widget: Json, manager: DialogManager) -> None:
        manager.middleware_data = Watched(manager.middleware_data, found)
        await handler(update, widget, manager)

    dialog = make_dialog(Button(Const("Go"), id="go", on_click=watched))

    async with stage(make_dispatcher(dialog, Main.first)) as running:
        user, chat_id, message_id = await running.open()
        await running.control.click(user, message_id, text="Go")
        await _use(await found.get(), user, chat_id)

        assert await running.screen(chat_id) == ["first works=True"]


@pytest.mark.parametrize("name", ["bg_from_manager", "bg_from_factory"])
async def test_a_dialog_manager_gives_a_manager_for_somebody_else(
    stage: Json, bot: Bot, name: str
) -> None:
    others: dict[str, int] = {}

    async def on_click(_: Json, __: Json, manager: DialogManager) -> None:
        page = run(name, dialog_manager=manager, bot=bot, **others)
        await page["bg_manager"].update({"from": "Ann"})

    dialog = make_dialog(Button(Const("Go"), id="go", on_click=on_click))

    async with stage(make_dispatcher(dialog, Main.first)) as running:
        bob, chat_of_bob, _ = await running.open("Bob")
        others.update(other_user_id=bob, other_chat_id=chat_of_bob)
        ann, chat_of_ann, message_id = await running.open("Ann")
        await running.control.click(ann, message_id, text="Go")
        await running.control.wait_for(_says("first from=Ann"))

        assert await running.screen(chat_of_bob) == ["first from=Ann"]
        assert await running.screen(chat_of_ann) == ["first "]


@pytest.mark.parametrize("source", ["manager", "factory"])
@pytest.mark.parametrize("name", ["bg_from_manager", "bg_from_factory"])
async def test_background_managers_and_factories_give_a_manager_for_somebody_else(
    stage: Json, bot: Bot, name: str, source: str
) -> None:
    dispatcher = make_dispatcher(make_dialog(), Main.first)

    async with stage(dispatcher) as running:
        bob, chat_of_bob, _ = await running.open("Bob")
        ann, chat_of_ann, _ = await running.open("Ann")
        given = {
            "manager": running.runtime.dialog(chat_id=chat_of_ann, user_id=ann),
            "factory": setup_dialogs(dispatcher),
        }[source]
        page = run(
            name,
            dialog_manager=given,
            bot=bot,
            other_user_id=bob,
            other_chat_id=chat_of_bob,
        )
        receipt = await cast("BgManager", page["bg_manager"]).update({"to": "Bob"})
        await receipt

        assert await running.screen(chat_of_bob) == ["first to=Bob"]
        assert await running.screen(chat_of_ann) == ["first "]


async def test_a_middleware_for_dialog_events_sees_background_calls(
    stage: Json,
) -> None:
    seen: list[DialogUpdate] = []
    dispatcher = make_dispatcher(make_dialog(), Main.first)
    run("dialog_events", dispatcher=dispatcher)

    async def middleware(
        handler: NextHandler, event: DialogUpdate, data: dict[str, Json]
    ) -> Json:
        seen.append(event)
        return await handler(event, data)

    dispatcher.observers[DIALOG_EVENT_NAME].middleware(middleware)

    async with stage(dispatcher) as running:
        user, chat_id, _ = await running.open()
        seen_before_the_call = list(seen)
        await _use(setup_dialogs(dispatcher), user, chat_id)

        assert await running.screen(chat_id) == ["first works=True"]
    assert seen_before_the_call == []
    assert [(event.chat_id, event.user_id) for event in seen] == [(chat_id, user)]


def _says(text: str) -> Json:
    def is_it(entry: LogEntry) -> bool:
        return entry.text == text

    return is_it


async def _use(factory: BgManagerFactory, user: int, chat_id: int) -> None:
    receipt = await factory.bg(chat_id=chat_id, user_id=user).update({"works": True})
    await receipt
