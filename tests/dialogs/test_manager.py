"""The dialog manager: dialogs seen from inside a turn."""

from __future__ import annotations

import pytest

from duologue.dialogs import (
    GROUP_STACK_ID,
    Address,
    BaseDialogManager,
    CallbackButton,
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const
from duologue.errors import (
    DialogClosedError,
    DialogCoveredError,
    IncorrectBackgroundError,
    NoContextError,
    UnknownStateError,
    UnserialisableDataError,
    WrongArgumentError,
    WrongStateError,
)
from duologue.testing import Method, Playground, RecordingBot


class Main(StatesGroup):
    one = State()
    two = State()
    three = State()


class Sub(StatesGroup):
    one = State()


class Lost(StatesGroup):
    one = State()


def window(state: State) -> Window:
    text = f"{state.state}{{dialog_data}}"
    return Window(text, Button(Const("b"), id="b"), state=state)


def playground(bot: RecordingBot | None = None) -> Playground:
    dispatcher = Dispatcher()
    dispatcher.include_routers(
        Dialog(window(Main.one), window(Main.two), window(Main.three)),
        Dialog(window(Sub.one)),
    )
    return Playground(dispatcher, bot=bot)


async def start(chat: Playground, state: State = Main.one, data: Json = None) -> None:
    await (await chat.dialog(1).start(state, data)).drawn()


def text(chat: Playground) -> str:
    return chat.screen(1).text


async def test_starting_a_dialog_shows_its_window() -> None:
    async with playground() as chat:
        await start(chat, data={"a": 1})
        async with chat.dialog(1).fg() as manager:
            context = manager.current_context()
            assert context.state is Main.one
            assert manager.start_data == {"a": 1}
            assert manager.current_stack().intents == [context.id]
            assert not manager.is_preview()

        assert text(chat) == "Main:one{}"


async def test_a_state_without_a_window_cannot_be_started() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            with pytest.raises(UnknownStateError) as caught:
                await manager.start(Lost.one)

        assert caught.value.state == "Lost:one"


async def test_start_data_that_cannot_be_stored_are_refused_at_once() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            with pytest.raises(UnserialisableDataError, match=r"start_data\.a"):
                await manager.start(Sub.one, {"a": 1j})

        assert text(chat) == "Main:one{}"


async def test_a_dialog_covers_the_one_below_until_it_is_done() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.start(Sub.one)
        await chat.settled()
        covering = text(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.done()
        await chat.settled()

        assert covering == "Sub:one{}"
        assert text(chat) == "Main:one{}"
        assert len(chat.messages(1)) == 1


async def test_closing_the_last_dialog_takes_the_buttons_away() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.done()
            assert not manager.has_context()
        await chat.settled()

        assert text(chat) == "Main:one{}"
        assert chat.screen(1).labels == ()


async def test_switching_shows_another_window_of_the_dialog() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            manager.dialog_data["kept"] = True
            await manager.switch_to(Main.three)
        await chat.settled()

        assert text(chat) == "Main:three{'kept': True}"


async def test_switching_stays_within_the_dialog() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            with pytest.raises(WrongStateError, match=r"is Main; use start\(\)"):
                await manager.switch_to(Sub.one)
            with pytest.raises(UnknownStateError):
                await manager.switch_to(Lost.one)


async def test_next_and_back_follow_the_order_of_the_windows() -> None:
    seen: list[str] = []
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.next()
            await manager.next()
            seen.append(manager.current_context().state.state)
            with pytest.raises(WrongStateError, match="Main:three is the last one"):
                await manager.next()
            await manager.back()
            seen.append(manager.current_context().state.state)
            await manager.back()
            with pytest.raises(WrongStateError, match="Main:one is the first one"):
                await manager.back()

    assert seen == ["Main:three", "Main:two"]


async def test_update_merges_data_and_draws() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.update({"a": 1})
            await manager.update({"b": 2})
            await manager.update()
        await chat.settled()

        assert text(chat) == "Main:one{'a': 1, 'b': 2}"
        assert len(chat.bot.calls) == 2


async def test_reset_stack_closes_all_dialogs_without_asking_them() -> None:
    async with playground() as chat:
        await start(chat)
        await start(chat, Sub.one)
        async with chat.dialog(1).fg() as manager:
            await manager.reset_stack()
            assert not manager.has_context()
        await chat.settled()

        assert chat.screen(1).labels == ()


async def test_without_a_dialog_there_is_no_context() -> None:
    errors: list[Exception] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def handler(_: MessageCreated, manager: DialogManager) -> None:
        assert not manager.has_context()
        assert not manager.is_covered()
        for call in (manager.done, manager.next, manager.show, manager.load_data):
            with pytest.raises(NoContextError) as caught:
                await call()
            errors.append(caught.value)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")

    assert {str(error) for error in errors} == {
        "no dialog is open in dialog/test.1:1:1; start one first"
    }
    assert len(errors) == 4


async def test_a_manager_ends_with_its_turn() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            data = manager.dialog_data

        data["n"] = 5
        for use in (
            manager.current_context,
            manager.has_context,
            manager.current_stack,
            manager.bg,
            lambda: manager.dialog_data,
            lambda: manager.find("b"),
        ):
            with pytest.raises(IncorrectBackgroundError):
                use()
        for call in (manager.next, manager.reset_stack, manager.show):
            with pytest.raises(IncorrectBackgroundError):
                await call()
        with pytest.raises(IncorrectBackgroundError):
            await manager.start(Sub.one)
        await chat.settled()
        assert text(chat) == "Main:one{}"


@pytest.mark.parametrize(
    ("mode", "methods", "number"),
    [
        (None, [Method.EDIT], 1),
        (ShowMode.AUTO, [Method.EDIT], 1),
        (ShowMode.EDIT, [Method.EDIT], 1),
        (ShowMode.SEND, [Method.SEND, Method.REMOVE_KEYBOARD], 2),
        (ShowMode.DELETE_AND_SEND, [Method.DELETE, Method.SEND], 1),
        (ShowMode.NO_UPDATE, [], 1),
    ],
)
async def test_a_show_mode_says_how_the_view_appears(
    mode: ShowMode | None, methods: list[Method], number: int
) -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.switch_to(Main.two, show_mode=mode)
        await chat.settled()

        assert [call.method for call in chat.bot.calls[1:]] == methods
        assert len(chat.messages(1)) == number


async def test_the_show_mode_of_the_manager_holds_where_none_is_given() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            manager.show_mode = ShowMode.SEND
            await manager.switch_to(Main.two)
        async with chat.dialog(1).fg() as manager:
            manager.show_mode = ShowMode.SEND
            await manager.switch_to(Main.three, ShowMode.EDIT)
        await chat.settled()

        assert [message.text for message in chat.messages(1)] == [
            "Main:one{}",
            "Main:three{}",
        ]


async def answered(chat_id: int) -> int:
    """Let a handler show the dialog anew after a message; count the messages."""
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window(Main.one), window(Main.two)))

    @dispatcher.message()
    async def handler(_: MessageCreated, manager: DialogManager) -> None:
        await manager.switch_to(Main.two)

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1, chat_id=chat_id).start(Main.one)).drawn()
        await chat.say(1, "x", chat_id=chat_id)
        await chat.settled()
        return len(chat.bot.calls_of(Method.SEND))


async def test_a_window_moves_below_what_the_user_wrote_in_a_private_chat() -> None:
    assert await answered(chat_id=1) == 2


async def test_a_window_stays_where_it_is_in_a_group() -> None:
    assert await answered(chat_id=-5) == 1


async def test_only_the_default_stack_moves_below_what_the_user_wrote() -> None:
    stacks: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window(Main.one)))

    @dispatcher.message()
    async def handler(event: MessageCreated, manager: DialogManager) -> None:
        manager.focus(stacks[0], None)
        await manager.update({"text": event.text})

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        async with chat.dialog(1).fg() as manager:
            await manager.start(Main.one, mode=StartMode.NEW_STACK)
            stacks.append(manager.current_stack().id)
        await chat.settled()
        await chat.say(1, "x")
        await chat.settled()

        assert [message.text for message in chat.messages(1)] == [
            "Main:one{}",
            "Main:one{'text': 'x'}",
            "x",
        ]


async def test_an_unchanged_view_is_not_drawn() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.show()
        await chat.settled()

        assert len(chat.bot.calls) == 1


async def test_one_turn_draws_a_stack_once() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.switch_to(Main.two)
            await manager.render()
            await manager.switch_to(Main.three)
        await chat.settled()

        assert [call.method for call in chat.bot.calls] == [Method.SEND, Method.EDIT]
        assert text(chat) == "Main:three{}"


async def test_a_new_message_stays_one_when_the_turn_draws_again() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.switch_to(Main.two, ShowMode.SEND)
            await manager.render()
            await manager.switch_to(Main.three, ShowMode.EDIT)
        await chat.settled()

        assert [message.text for message in chat.messages(1)] == [
            "Main:one{}",
            "Main:three{}",
        ]


async def test_a_dialog_that_is_opened_and_closed_in_one_turn_leaves_no_trace() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window(Main.one)))

    @dispatcher.message()
    async def handler(event: MessageCreated, manager: DialogManager) -> None:
        await manager.start(Main.one)
        if event.text == "render":
            await manager.render()
        await manager.done()

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await chat.say(1, "render")
        await chat.settled()

        assert not chat.bot.calls


async def test_bg_of_a_manager_means_its_own_dialog() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            own = manager.bg()
        await start(chat, Sub.one)
        covered = await (await own.update({"n": 1}))
        async with chat.dialog(1).fg() as manager:
            await manager.done()
        await chat.settled()

        assert type(covered).__name__ == "Covered"
        assert text(chat) == "Main:one{'n': 1}"


async def test_bg_of_a_manager_reaches_other_places() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            addresses = [
                manager.bg().address,
                manager.bg(chat.bot, user_id=2).address,
                manager.bg(chat_id=-5).address,
                manager.bg(stack_id=GROUP_STACK_ID).address,
                manager.bg(thread_id=3).address,
                manager.bg(stack_id="other").address,
                manager.bg(chat.bot, 2, -5, "other", 3).address,
                manager.bg(2, -5, "other", 3).address,
                manager.bg(2, chat_id=-5).address,
                manager.bg(None, 2).address,
            ]

    assert addresses == [
        Address("test.1", 1, 1),
        Address("test.1", 1, 2),
        Address("test.1", -5, 1),
        Address("test.1", 1, None),
        Address("test.1", 1, 1, 3),
        Address("test.1", 1, 1),
        Address("test.1", -5, 2, 3),
        Address("test.1", -5, 2, 3),
        Address("test.1", -5, 2),
        Address("test.1", 1, 2),
    ]


@pytest.mark.parametrize(
    ("positional", "named", "problem"),
    [
        (("x",), {}, "bot='x'"),
        ((None, "x"), {}, "user_id='x'"),
        ((1, 2, 3), {}, "stack_id=3"),
        ((1, "group"), {}, "chat_id='group'"),
        ((1,), {"user_id": 2}, "user_id=1"),
        ((1, 2, "s", 3, 4), {}, "argument 5=4"),
        ((), {"chat_id": "5"}, "chat_id='5'"),
    ],
)
async def test_a_wrong_thing_in_a_place_of_bg_is_refused(
    positional: tuple[Json, ...], named: dict[str, Json], problem: str
) -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            for each in (manager, manager.bg()):
                with pytest.raises(WrongArgumentError, match=r"bg\(\) has") as caught:
                    each.bg(*positional, **named)

                assert problem in str(caught.value)


async def test_both_kinds_of_managers_can_be_given_where_one_is_wanted() -> None:
    async def rename(manager: BaseDialogManager, name: str) -> None:
        await manager.update({"name": name})
        async with manager.fg() as inside:
            inside.dialog_data["again"] = name

    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await rename(manager, "Ann")
            assert manager.dialog_data == {"name": "Ann", "again": "Ann"}
        await rename(chat.dialog(1), "Bob")
        async with chat.dialog(1).fg() as manager:
            assert manager.dialog_data == {"name": "Bob", "again": "Bob"}
            assert isinstance(manager, BaseDialogManager)
        assert isinstance(chat.dialog(1), BaseDialogManager)


async def test_bg_without_a_dialog_means_whatever_is_open_then() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window(Main.one)))
    managers: list[Json] = []

    @dispatcher.message()
    async def handler(_: MessageCreated, manager: DialogManager) -> None:
        managers.append(manager.bg())

    async with Playground(dispatcher) as chat:
        await chat.say(1, "x")
        await chat.settled()
        (background,) = managers
        with pytest.raises(NoContextError):
            await (await background.update({"n": 1}))
        await (await background.start(Main.one))
        await (await background.update({"n": 2}))
        await chat.settled()

        assert text(chat) == "Main:one{'n': 2}"


async def test_a_dialog_in_a_stack_of_its_own_has_a_message_of_its_own() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.start(Sub.one, mode=StartMode.NEW_STACK)
            own = manager.bg()
            await manager.update({"n": 1})
        await chat.settled()
        both = [message.text for message in chat.messages(1)]
        await (await own.done())
        await chat.settled()

        assert both == ["Main:one{}", "Sub:one{'n': 1}"]
        assert [message.labels for message in chat.messages(1)] == [(("b",),), ()]


async def test_done_in_the_background_is_for_the_dialog_on_top_only() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            own = manager.bg()
        await start(chat, Sub.one)

        with pytest.raises(DialogCoveredError):
            await (await own.done())
        async with own.fg() as manager:
            assert manager.is_covered()
            with pytest.raises(DialogCoveredError):
                await manager.done()


async def test_switching_a_covered_dialog_shows_when_it_is_uncovered() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            own = manager.bg()
        await start(chat, Sub.one)
        await (await own.switch_to(Main.two))
        await chat.settled()
        covering = text(chat)
        await (await chat.dialog(1).done())
        await chat.settled()

        assert covering == "Sub:one{}"
        assert text(chat) == "Main:two{}"


async def test_a_background_manager_of_a_closed_dialog_says_so() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            own = manager.bg()
            await manager.done()

        with pytest.raises(DialogClosedError) as caught:
            await (await own.update({"n": 1}))
        assert caught.value.address == "dialog/test.1:1:1"


async def test_buttons_carry_scope_dialog_and_widget() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            intent = manager.current_context().id

        ((button,),) = chat.screen(1).keyboard
        assert button == CallbackButton("b", f"u{intent}:b")


async def test_closing_after_drawing_in_one_turn_only_takes_the_buttons_away() -> None:
    async with playground() as chat:
        await start(chat)
        async with chat.dialog(1).fg() as manager:
            await manager.switch_to(Main.two)
            await manager.render()
            await manager.done()
        await chat.settled()

        assert [call.method for call in chat.bot.calls] == [
            Method.SEND,
            Method.REMOVE_KEYBOARD,
        ]
        assert text(chat) == "Main:one{}"
