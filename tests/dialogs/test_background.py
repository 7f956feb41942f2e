"""Background calls: from anywhere, accepted in order, with a receipt."""

from __future__ import annotations

import asyncio

import pytest

from duologue import Runtime
from duologue.actors import MemoryEngine
from duologue.dialogs import (
    DIALOG_EVENT_NAME,
    GROUP_STACK_ID,
    Address,
    BgManager,
    BgManagerFactory,
    Chat,
    Committed,
    Covered,
    Dialog,
    DialogManager,
    DialogUpdate,
    Dispatcher,
    MessageCreated,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    UpdateData,
    User,
    Window,
    setup_dialogs,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import HandlerData, NextHandler
from duologue.dialogs.widgets.text import Format
from duologue.errors import (
    AddressIncompleteError,
    AsyncWithNeededError,
    BadRequestError,
    CallStoppedError,
    ForegroundTimeoutError,
    NoContextError,
    ReentrantCallError,
    RuntimeNotStartedError,
    RuntimeStoppedError,
    UnknownBotError,
    UnknownStateError,
    UnserialisableDataError,
    WrongArgumentError,
    WrongStateError,
)
from duologue.testing import Method, Playground, RecordingBot


class Main(StatesGroup):
    one = State()
    two = State()


class Sub(StatesGroup):
    one = State()


class Lost(StatesGroup):
    one = State()


def make_dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_routers(
        Dialog(
            Window("one{dialog_data}", state=Main.one),
            Window("two{dialog_data}", state=Main.two),
        ),
        Dialog(Window("sub{start_data}", state=Sub.one)),
    )
    return dispatcher


async def started(chat: Playground) -> BgManager:
    background = chat.dialog(1)
    await (await background.start(Main.one)).drawn()
    return background


async def test_every_call_has_its_effect_and_a_version() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        outcome = await (await background.update({"n": 1}))
        await (await background.switch_to(Main.two))
        await (await background.start(Sub.one, 7))
        await chat.settled()
        sub = chat.screen(1).text
        last = await (await background.done("result"))
        await chat.settled()

        assert isinstance(outcome, Committed)
        assert isinstance(last, Committed)
        assert last.version > outcome.version
        assert (sub, chat.screen(1).text) == ("sub7", "two{'n': 1}")


async def test_start_and_show_modes_travel_with_the_call() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        await (await background.start(Sub.one, 1, StartMode.NEW_STACK))
        await (await background.update({"n": 1}, ShowMode.SEND))
        await (await background.switch_to(Main.two, ShowMode.DELETE_AND_SEND))
        await chat.settled()

        assert [message.text for message in chat.messages(1)] == [
            "one{}",
            "sub1",
            "two{'n': 1}",
        ]


@pytest.mark.parametrize("call", ["update", "start", "done"])
async def test_data_that_cannot_travel_are_refused_where_they_are_given(
    call: str,
) -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        bad: Json = {"a": 1j}
        calls = {
            "update": lambda: background.update(bad),
            "start": lambda: background.start(Sub.one, bad),
            "done": lambda: background.done(bad),
        }

        with pytest.raises(UnserialisableDataError, match=r"\.a is a complex"):
            _ = await calls[call]()


async def test_a_state_without_a_window_is_refused_where_it_is_given() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)

        with pytest.raises(UnknownStateError):
            _ = await background.start(Lost.one)
        with pytest.raises(UnknownStateError):
            _ = await background.switch_to(Lost.one)


async def test_where_nothing_is_open_a_call_fails_and_creates_nothing() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = chat.dialog(1)

        for call in (
            background.update({"n": 1}),
            background.done(),
            background.switch_to(Main.two),
        ):
            with pytest.raises(NoContextError):
                await (await call)
        with pytest.raises(NoContextError):
            await background.fg().__aenter__()

        assert not chat.bot.calls


async def test_switching_to_a_window_of_another_dialog_fails() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)

        with pytest.raises(WrongStateError):
            await (await background.switch_to(Sub.one))


async def test_the_factory_reaches_what_is_on_top() -> None:
    dispatcher = make_dispatcher()
    async with Playground(dispatcher) as chat:
        await started(chat)
        background = dispatcher.bg_factory.bg(chat_id=1, user_id=1)
        await (await background.start(Sub.one))
        outcome = await (await background.update({"n": 1}))

        assert isinstance(outcome, Committed)
        assert background.address == Address("test.1", 1, 1)


async def test_data_for_a_covered_dialog_wait_until_it_is_uncovered() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        async with background.fg() as manager:
            own = manager.bg()
        await (await background.start(Sub.one))
        outcome = await (await own.update({"n": 1}))
        await chat.settled()
        covering = chat.screen(1).text
        await (await background.done())
        await chat.settled()

        assert isinstance(outcome, Covered)
        assert (covering, chat.screen(1).text) == ("subNone", "one{'n': 1}")


def test_without_a_runtime_there_are_no_background_managers() -> None:
    factory = setup_dialogs(make_dispatcher())

    assert isinstance(factory, BgManagerFactory)
    with pytest.raises(RuntimeNotStartedError):
        factory.bg(chat_id=1)


async def test_after_the_runtime_there_are_none_either() -> None:
    dispatcher = make_dispatcher()
    async with Playground(dispatcher) as chat:
        background = chat.dialog(1)

    with pytest.raises(RuntimeNotStartedError):
        dispatcher.bg_factory.bg(chat_id=1)
    assert background.address.key == "dialog/test.1:1:1"


async def test_a_background_manager_needs_a_chat() -> None:
    dispatcher = make_dispatcher()
    async with Playground(dispatcher):
        with pytest.raises(AddressIncompleteError):
            dispatcher.bg_factory.bg(user_id=1)


async def test_a_factory_takes_its_arguments_by_position_the_bot_first() -> None:
    dispatcher = make_dispatcher()
    async with Playground(dispatcher) as chat:
        factory = dispatcher.bg_factory
        address = factory.bg(chat.bot, 2, -5, None, 3).address
        with pytest.raises(WrongArgumentError, match="bot=2, and needs a bot"):
            factory.bg(2, -5)  # type: ignore[arg-type]  # wrong on purpose

    assert address == Address("test.1", -5, 2, 3)


async def test_the_shared_stack_of_a_chat_has_no_user() -> None:
    dispatcher = make_dispatcher()
    async with Playground(dispatcher) as chat:
        factory = dispatcher.bg_factory
        shared = factory.bg(chat_id=-5, user_id=1, stack_id=GROUP_STACK_ID)
        same = factory.bg(chat_id=-5, user_id=1).bg(stack_id=GROUP_STACK_ID)
        await (await shared.start(Main.one))
        await (await same.update({"n": 1}))
        await chat.settled()

        assert shared.address == same.address == Address("test.1", -5, None)
        assert chat.screen(0, chat_id=-5).text == "one{'n': 1}"


async def test_a_background_manager_keeps_what_is_not_given() -> None:
    dispatcher = make_dispatcher()
    async with Playground(dispatcher) as chat:
        background = dispatcher.bg_factory.bg(
            chat_id=1, user_id=1, thread_id=3, business_connection_id="b"
        )
        same = background.bg()
        moved = background.bg(user_id=2)
        named = background.bg(chat.bot, thread_id=4)

    assert same.address == background.address
    assert moved.address == Address("test.1", 1, 2, None, "b")
    assert named.address == Address("test.1", 1, 1, 4, "b")


async def test_with_several_bots_a_call_names_one() -> None:
    dispatcher = make_dispatcher()
    bots = [RecordingBot(1), RecordingBot(2)]
    async with Runtime(dispatcher, bots, polling=None) as runtime:
        with pytest.raises(UnknownBotError) as missing:
            runtime.dialog(chat_id=1)
        with pytest.raises(UnknownBotError) as strange:
            runtime.dialog(RecordingBot(3), chat_id=1)
        await (await runtime.dialog(bots[1], chat_id=1, user_id=1).start(Main.one))
        await runtime.settled()

    assert (missing.value.bot, strange.value.bot) == (None, "test.3")
    assert strange.value.known == ("test.1", "test.2")
    assert [len(bot.calls) for bot in bots] == [0, 1]


async def test_a_receipt_can_be_awaited_by_many_and_by_each_again() -> None:
    dispatcher, gate = make_dispatcher(), asyncio.Event()

    @dispatcher.message()
    async def hold(_: MessageCreated) -> None:
        await gate.wait()

    async with Playground(dispatcher) as chat:
        await chat.say(1, "wait")
        receipt = await chat.dialog(1).start(Main.one)
        early = repr(receipt)

        async def wait() -> object:
            return await receipt

        async with asyncio.TaskGroup() as group:
            cancelled = group.create_task(wait())
            waiting = group.create_task(wait())
            await asyncio.sleep(0)
            cancelled.cancel()
            gate.set()
        again = await receipt

    assert (early, repr(receipt)) == (
        f"<Receipt {receipt.id} pending>",
        f"<Receipt {receipt.id} done>",
    )
    assert receipt.done()
    assert waiting.result() == again
    assert cancelled.cancelled()


async def test_an_error_reaches_everybody_who_awaits_the_receipt() -> None:
    async with Playground(make_dispatcher()) as chat:
        receipt = await chat.dialog(1).update({"n": 1})

        for _ in range(2):
            with pytest.raises(NoContextError):
                await receipt
        with pytest.raises(NoContextError):
            await receipt.drawn()


async def test_drawn_means_on_the_screen() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = chat.dialog(1)
        with chat.bot.hold() as held:
            receipt = await background.start(Main.one)
            await receipt
            await held.reached()
            assert not chat.messages(1)
        await receipt.drawn()

        assert chat.screen(1).text == "one{}"


async def test_drawn_raises_what_the_messenger_refused_for_good() -> None:
    async with Playground(make_dispatcher()) as chat:
        chat.bot.fail(BadRequestError("send", "no"))
        receipt = await chat.dialog(1).start(Main.one)

        with pytest.raises(BadRequestError):
            await receipt.drawn()


async def test_a_receipt_of_an_unchanged_view_is_drawn_at_once() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        receipt = await background.update()
        await receipt.drawn()

        assert len(chat.bot.calls) == 1


async def test_waiting_inside_a_turn_for_what_comes_after_it_raises_at_once() -> None:
    errors: list[str] = []
    dispatcher = make_dispatcher()

    @dispatcher.message()
    async def handler(_: MessageCreated, manager: DialogManager) -> None:
        receipt = await manager.bg().start(Main.one)
        with pytest.raises(ReentrantCallError):
            await receipt
        with pytest.raises(ReentrantCallError):
            await receipt.drawn()
        with pytest.raises(ReentrantCallError):
            await manager.bg().fg().__aenter__()
        errors.append("all")

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await chat.settled()

        assert chat.screen(1).text == "one{}"

    assert errors == ["all"]


async def test_a_call_from_a_turn_leaves_with_its_commit() -> None:
    dispatcher = make_dispatcher()

    @dispatcher.message()
    async def handler(event: MessageCreated, manager: DialogManager) -> None:
        _ = await manager.bg(chat_id=2, user_id=2).start(Sub.one, event.text)
        if event.text == "fail":
            raise LookupError

    async with Playground(dispatcher) as chat:
        await chat.say(1, "fail")
        await chat.settled()
        assert isinstance(chat.take_errors()[0], LookupError)
        assert not chat.messages(2)
        await chat.say(1, "ok")
        await chat.settled()

        assert chat.screen(2).text == "subok"


async def test_a_full_mailbox_makes_callers_wait() -> None:
    async with Playground(make_dispatcher(), engine=MemoryEngine(capacity=2)) as chat:
        background = await started(chat)
        is_over = asyncio.Event()

        async def hold() -> None:
            async with background.fg():
                await is_over.wait()

        async def update(number: int) -> None:
            await (await background.update({str(number): number}))

        async with asyncio.TaskGroup() as group:
            group.create_task(hold())
            await asyncio.sleep(1)
            tasks = [group.create_task(update(number)) for number in range(4)]
            await asyncio.sleep(1)
            # The first is in the mailbox and cannot be called back; the last waits.
            tasks[0].cancel()
            tasks[3].cancel()
            await asyncio.sleep(1)
            is_over.set()
        await chat.settled()

        assert chat.screen(1).text == "one{'0': 0, '1': 1, '2': 2}"


async def test_a_block_that_raises_changes_nothing() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)

        async def work() -> None:
            async with background.fg() as manager:
                await manager.update({"n": 1})
                raise LookupError

        with pytest.raises(LookupError):
            await work()
        await chat.settled()

        assert chat.screen(1).text == "one{}"
        assert not chat.errors


async def test_a_block_that_takes_too_long_changes_nothing() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)

        async def work() -> None:
            async with background.fg(timeout=3) as manager:
                await manager.update({"n": 1})
                await asyncio.sleep(10)

        with pytest.raises(ForegroundTimeoutError) as caught:
            await work()
        await (await background.update({"m": 2}))
        await chat.settled()

        assert (caught.value.address, caught.value.timeout) == (
            "dialog/test.1:1:1",
            3,
        )
        assert chat.screen(1).text == "one{'m': 2}"


async def test_a_turn_that_does_not_come_in_time_is_given_up() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        is_over = asyncio.Event()

        async def hold() -> None:
            async with background.fg():
                await is_over.wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(hold())
            await asyncio.sleep(1)
            with pytest.raises(ForegroundTimeoutError):
                await background.fg(timeout=2).__aenter__()
            is_over.set()
        await chat.settled()
        await (await background.update({"m": 2}))


async def test_the_changes_of_a_block_that_cannot_be_stored_raise_at_its_end() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)
        block = background.fg()
        manager = await block.__aenter__()
        manager.dialog_data["bad"] = 1j

        with pytest.raises(UnserialisableDataError, match=r"dialog_data\.bad"):
            await block.__aexit__(None, None, None)


async def test_the_synchronous_with_says_what_to_write() -> None:
    async with Playground(make_dispatcher()) as chat:
        background = await started(chat)

        with pytest.raises(AsyncWithNeededError), background.fg():
            pytest.fail("the block must not run")


async def test_background_calls_pass_their_middlewares() -> None:
    seen: list[str] = []
    dispatcher = make_dispatcher()

    async def note(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        assert isinstance(event, DialogUpdate)
        seen.append(type(event.command).__name__)
        assert isinstance(data["dialog_manager"], DialogManager)
        return await handler(event, data)

    dispatcher.observers[DIALOG_EVENT_NAME].middleware(note)
    dispatcher.observers[DIALOG_EVENT_NAME].outer_middleware(note)
    async with Playground(dispatcher) as chat:
        background = await started(chat)
        await (await background.update({"n": 1}))

    assert seen == ["StartDialog"] * 2 + ["UpdateData"] * 2


async def test_a_middleware_that_stops_a_call_makes_it_fail() -> None:
    dispatcher = make_dispatcher()

    async def stop(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        if isinstance(event.command, UpdateData):
            return None
        return await handler(event, data)

    dispatcher.observers[DIALOG_EVENT_NAME].middleware(stop)
    async with Playground(dispatcher) as chat:
        background = await started(chat)
        with pytest.raises(CallStoppedError):
            await (await background.update({"n": 1}))

        assert chat.screen(1).text == "one{}"


async def test_a_runtime_that_stops_tells_who_waits() -> None:
    dispatcher = make_dispatcher()
    never = asyncio.Event()

    @dispatcher.message()
    async def handler(_: MessageCreated) -> None:
        await never.wait()

    async with Playground(dispatcher, drain=1.0) as chat:
        await chat.say(1, "x")
        receipt = await chat.dialog(1).start(Main.one)

    with pytest.raises(RuntimeStoppedError):
        await receipt


async def test_the_event_of_a_background_call_knows_who_it_is_about() -> None:
    dispatcher = make_dispatcher()
    names: list[Json] = []

    async def note(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        names.append((event.chat.type, event.user and event.user.name))
        return await handler(event, data)

    dispatcher.observers[DIALOG_EVENT_NAME].middleware(note)
    async with Playground(dispatcher) as chat:
        await started(chat)
        await chat.say(1, "hello")
        await (await chat.dialog(1).update())
        shared = chat.dialog(1, chat_id=-5).bg(stack_id=GROUP_STACK_ID)
        await (await shared.start(Main.one))

    assert names == [("private", ""), ("private", "User 1"), ("group", None)]


async def test_edits_after_a_press_travel_in_its_answer() -> None:
    async with Playground(make_dispatcher()) as chat:
        await started(chat)
        await (await chat.dialog(1).update({"n": 1})).drawn()

        assert [call.method for call in chat.bot.calls] == [Method.SEND, Method.EDIT]


def of_nobody_known() -> Dispatcher:
    """A dialog that shows what is known of its chat and user."""
    dispatcher = Dispatcher()

    async def known(event_chat: Chat, event_from_user: User | None) -> dict[str, Json]:
        name = None if event_from_user is None else event_from_user.name
        return {"name": name, "type": event_chat.type.value}

    window = Window(Format("{type} of {name}"), getter=known, state=Main.one)
    dispatcher.include_routers(Dialog(window))
    return dispatcher


@pytest.mark.parametrize(
    ("load", "shown"), [(False, "private of "), (True, "private of User 1")]
)
async def test_a_manager_that_loads_knows_the_name_of_a_user_who_never_wrote(
    *, load: bool, shown: str
) -> None:
    async with Playground(of_nobody_known()) as chat:
        bg = chat.runtime.dialog(chat_id=1, user_id=1, load=load)
        await (await bg.start(Main.one)).drawn()

        assert chat.screen(1).text == shown


async def test_a_manager_of_the_factory_that_loads_knows_the_type_of_the_chat() -> None:
    async with Playground(of_nobody_known()) as chat:
        bg = chat.runtime.dispatcher.bg_factory.bg(chat.bot, 5, -7, load=True)
        await (await bg.start(Main.one)).drawn()

        (shown,) = chat.bot.messages(-7)
        assert shown.text == "group of User 5"


async def test_a_manager_of_a_whole_chat_that_loads_asks_for_no_user() -> None:
    async with Playground(of_nobody_known()) as chat:
        bg = chat.runtime.dispatcher.bg_factory.bg(
            chat_id=-7, stack_id=GROUP_STACK_ID, load=True
        )
        await (await bg.start(Main.one)).drawn()

        (shown,) = chat.bot.messages(-7)
        assert shown.text == "group of None"


async def test_a_block_of_a_manager_that_loads_knows_the_user() -> None:
    async with Playground(of_nobody_known()) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()

        async with chat.dialog(1).bg(load=True).fg() as manager:
            user = manager.event.user

        assert user == User(1, "User 1")


async def test_a_manager_that_loads_keeps_a_language_that_is_not_said() -> None:
    dispatcher = of_nobody_known()
    async with Playground(dispatcher) as chat:
        raw = {**chat.bot.wrote(1, 1, "hi"), "user_locale": "ru"}
        await chat.runtime.accept(chat.bot, raw)
        await (await chat.dialog(1).bg(load=True).start(Main.one)).drawn()

        async with chat.dialog(1).fg() as manager:
            user = manager.event.user

        assert user == User(1, "User 1", language_code="ru")


async def test_a_call_whose_user_the_messenger_does_not_know_is_not_made() -> None:
    async with Playground(of_nobody_known()) as chat:
        chat.bot.fail(BadRequestError("look up", "no"), method=Method.LOOK_UP)

        with pytest.raises(BadRequestError):
            await (await chat.dialog(1).bg(load=True).start(Main.one))
        await chat.settled()

        assert chat.bot.messages(1) == ()
