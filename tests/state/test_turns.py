"""State inside turns: it is seen at once there, and by others with the commit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Optional

import pytest
from hypothesis import given, strategies as st

from duologue import Dispatcher, F
from duologue.actors import Engine
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    StartMode,
    State as WindowState,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Function, Json
from duologue.dialogs.widgets.input import TextInput
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    StateAtOnceError,
    StateClassError,
    StateParameterError,
    StateScopeError,
    StateValueError,
)
from duologue.state import AsyncState, SyncState
from duologue.state._parameters import state_parameters
from duologue.testing import Playground
from tests.engines.conftest import ENGINES


class Cart(AsyncState, scope="user"):
    pass


class Common(AsyncState):
    pass


class Hall(AsyncState, scope="chat"):
    pass


class Slow(SyncState):
    pass


class Main(StatesGroup):
    one = WindowState()


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    made: Engine = request.param(tmp_path, max_snapshot=100_000)
    return made


def on_message(handler: Function) -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.message()(handler)
    return dispatcher


async def say(
    chat: Playground, user: int, text: str, chat_id: int | None = None
) -> None:
    await chat.say(user, text, chat_id=chat_id)
    await chat.settled()


async def start(chat: Playground) -> None:
    await chat.happen("bot_started", 7)
    await chat.settled()


async def test_a_turn_sees_what_it_has_written_and_others_see_it_with_the_commit(
    engine: Engine,
) -> None:
    seen: list[object] = []

    async def handle(_: MessageCreated, cart: Cart, common: Common) -> None:
        seen.append(await cart.update(a=1, b=2))
        await cart.delete("a")
        seen.append(await cart.incr("b", 5))
        seen.append(await cart.get_all())
        await common.set("c", 3)
        seen.append(await common.get("c"))
        seen.append(await cart.now.get_all())
        seen.append(await common.now.get_all())

    async with Playground(on_message(handle), engine=engine) as chat:
        await say(chat, 7, "go")

        assert seen == [{"a": 1, "b": 2}, 7, {"b": 7}, 3, {}, {}]
        assert await Cart.of(user_id=7).get_all() == {"b": 7}
        assert await Common.of().get_all() == {"c": 3}


async def test_a_turn_that_fails_leaves_nothing_but_what_was_done_at_once(
    engine: Engine,
) -> None:
    async def handle(_: MessageCreated, cart: Cart, common: Common) -> None:
        await cart.set("a", 1)
        await common.set("a", 1)
        await cart.now.set("b", 2)
        raise RuntimeError("no")

    async with Playground(on_message(handle), engine=engine) as chat:
        await say(chat, 7, "go")
        assert len(chat.take_errors()) == 1

        assert await Cart.of(user_id=7).get_all() == {"b": 2}
        assert await Common.of().get_all() == {}


async def test_clear_leaves_with_the_commit(engine: Engine) -> None:
    async def handle(_: MessageCreated, cart: Cart) -> None:
        await cart.clear()
        await cart.set("b", 2)

    async with Playground(on_message(handle), engine=engine) as chat:
        await Cart.of(user_id=7).set("a", 1)
        await say(chat, 7, "go")

        assert await Cart.of(user_id=7).get_all() == {"b": 2}


async def test_what_needs_an_answer_acts_at_once_or_not_at_all(engine: Engine) -> None:
    async def handle(_: MessageCreated, cart: Cart) -> None:
        with pytest.raises(StateAtOnceError, match=r"state\.now\.modify"):
            await cart.modify(lambda values: values)
        with pytest.raises(StateAtOnceError, match=r"state\.now\.set_if"):
            await cart.set_if("a", None, 1)
        with pytest.raises(StateAtOnceError, match=r"state\.now\.transaction"):
            await cart.transaction().__aenter__()
        with pytest.raises(StateAtOnceError, match=r"state\.now\.watch"):
            await anext(cart.watch())
        await cart.now.modify(lambda values: values | {"b": 2})
        assert await cart.now.set_if("a", None, 1)

    async with Playground(on_message(handle), engine=engine) as chat:
        await say(chat, 7, "go")

        assert await Cart.of(user_id=7).get_all() == {"a": 1, "b": 2}


async def test_what_is_no_number_fails_the_turn_that_would_increase_it() -> None:
    async def handle(_: MessageCreated, cart: Cart) -> None:
        await cart.set("a", "text")
        await cart.incr("a")

    async with Playground(on_message(handle)) as chat:
        await say(chat, 7, "go")
        [error] = chat.take_errors()

        assert isinstance(error, StateValueError)
        assert await Cart.of(user_id=7).get_all() == {}


async def test_a_task_that_outlives_its_turn_writes_by_itself() -> None:
    done = asyncio.Event()

    async def later(cart: Cart) -> None:
        await asyncio.sleep(1)
        await cart.modify(lambda values: values | {"a": 1})
        done.set()

    async def handle(_: MessageCreated, cart: Cart) -> None:
        tasks.append(asyncio.get_running_loop().create_task(later(cart)))

    tasks: list[asyncio.Task[None]] = []
    async with Playground(on_message(handle)) as chat:
        await say(chat, 7, "go")
        await done.wait()

        assert await Cart.of(user_id=7).get_all() == {"a": 1}


async def test_users_do_not_see_each_other_and_a_chat_shares() -> None:
    async def handle(event: MessageCreated, cart: Cart, hall: Hall) -> None:
        await cart.set("text", event.message.text)
        await hall.incr("n")

    async with Playground(on_message(handle)) as chat:
        await say(chat, 7, "seven", chat_id=-1)
        await say(chat, 8, "eight", chat_id=-1)

        assert await Cart.of(user_id=7).get("text") == "seven"
        assert await Cart.of(user_id=8).get("text") == "eight"
        assert await Hall.of(chat_id=-1).get("n") == 2


async def test_a_middleware_may_say_whose_states_a_handler_is_given() -> None:
    async def handle(_: MessageCreated, cart: Cart) -> None:
        await cart.incr("n")

    async def for_both(handler: Function, event: object, data: dict[str, Json]) -> None:
        await handler(event, data)
        user = data["event_from_user"]
        await handler(event, data | {"event_from_user": replace(user, id=8)})

    dispatcher = on_message(handle)
    dispatcher.message.middleware(for_both)
    async with Playground(dispatcher) as chat:
        await say(chat, 7, "go")
        await say(chat, 7, "go")

        assert await Cart.of(user_id=7).get("n") == 2
        assert await Cart.of(user_id=8).get("n") == 2


async def pressed(
    _: Callback, _button: Button, _manager: DialogManager, state: Cart
) -> None:
    await state.incr("n")


async def typed(
    _: MessageCreated, _input: object, _manager: DialogManager, text: str, cart: Cart
) -> None:
    await cart.set("text", text)


async def begun(_data: object, _manager: DialogManager, cart: Cart) -> None:
    await cart.set("n", 0)


async def shown(cart: Cart, **_: object) -> dict[str, object]:
    return await cart.get_all()


def bot_with_a_dialog() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(
                Format("n = {n}"),
                Button(Const("+"), id="plus", on_click=pressed),
                TextInput("text", on_success=typed),
                getter=shown,
                state=Main.one,
            ),
            on_start=begun,
        )
    )

    @dispatcher.bot_started()
    async def start(_: object, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Main.one, mode=StartMode.RESET_STACK)

    return dispatcher


async def test_callbacks_and_getters_of_dialogs_are_given_states(
    engine: Engine,
) -> None:
    async with Playground(bot_with_a_dialog(), engine=engine) as chat:
        await start(chat)
        await chat.click(7, "+")
        await chat.settled()
        await say(chat, 7, "hello")

        assert await Cart.of(user_id=7).get_all() == {"n": 1, "text": "hello"}
        assert chat.screen(7).text == "n = 1"


async def test_two_quick_presses_show_two(engine: Engine) -> None:
    async with Playground(bot_with_a_dialog(), engine=engine) as chat:
        await start(chat)
        await asyncio.gather(chat.click(7, "+"), chat.click(7, "+"))
        await chat.settled()

        assert chat.screen(7).text == "n = 2"


async def plain(_: MessageCreated, state: Cart) -> None:
    await state.incr("n")


async def first(_: MessageCreated, state: Cart, _bot: object = None) -> None:
    await state.incr("n")


async def annotated(_: MessageCreated, state: Annotated[Cart, "mine"]) -> None:
    await state.incr("n")


async def optional(_: MessageCreated, state: Optional[Cart]) -> None:  # noqa: UP045
    assert state is not None
    await state.incr("n")


async def defaulted(_: MessageCreated, state: Cart | None = None) -> None:
    assert state is not None
    await state.incr("n")


async def keyword_only(_: MessageCreated, *, state: Cart) -> None:
    await state.incr("n")


async def quoted(_: MessageCreated, state: "Cart") -> None:  # noqa: UP037
    await state.incr("n")


class Handlers:
    async def __call__(self, _: MessageCreated, state: Cart) -> None:
        await state.incr("n")

    async def method(self, _: MessageCreated, state: Cart) -> None:
        await state.incr("n")


@pytest.mark.parametrize(
    "handler",
    [
        plain,
        first,
        annotated,
        optional,
        defaulted,
        keyword_only,
        quoted,
        Handlers(),
        Handlers().method,
    ],
)
async def test_every_signature_is_given_its_state(
    handler: Function,
) -> None:
    async with Playground(on_message(handler)) as chat:
        await say(chat, 7, "go")

        assert await Cart.of(user_id=7).get("n") == 1


async def bare(_: MessageCreated, state: AsyncState) -> None: ...
async def blocking(_: MessageCreated, state: Slow) -> None: ...
async def either(_: MessageCreated, state: Cart | Hall) -> None: ...
async def starred(_: MessageCreated, *state: Cart) -> None: ...
async def positional(_: MessageCreated, state: Cart, /) -> None: ...


@pytest.mark.parametrize("handler", [bare, blocking, either, starred, positional])
def test_a_state_that_cannot_be_given_is_an_error_at_the_registration(
    handler: Function,
) -> None:
    with pytest.raises(StateParameterError, match="'state'"):
        on_message(handler)


def test_so_it_is_for_a_callback() -> None:
    async def click(
        _: Callback, _button: Button, _manager: DialogManager, state: Slow
    ) -> None: ...

    with pytest.raises(StateParameterError, match="'state'"):
        Button(Const("+"), id="plus", on_click=click)


async def test_a_state_of_a_user_needs_one() -> None:
    dispatcher = Dispatcher()

    @dispatcher.chat_title_changed()
    async def handle(_: object, cart: Cart) -> None:
        await cart.set("a", 1)

    async with Playground(dispatcher) as chat:
        await chat.happen("chat_title_changed", None, chat_id=-1, title="news")
        await chat.settled()
        [error] = chat.take_errors()

    assert isinstance(error, StateScopeError)


async def test_two_classes_of_one_name_are_refused_in_a_turn_too() -> None:
    other: type[AsyncState] = type("Cart", (AsyncState,), {}, scope="user")
    dispatcher = Dispatcher()

    async def handle_other(_: MessageCreated, cart: AsyncState) -> None: ...

    handle_other.__annotations__["cart"] = other
    dispatcher.message.register(handle_other, F.text == "other")

    @dispatcher.message()
    async def handle(_: MessageCreated, cart: Cart) -> None:
        await cart.incr("n")

    async with Playground(dispatcher) as chat:
        for text in ("go", "other", "go"):
            await say(chat, 7, text)
        [error] = chat.take_errors()

        assert await Cart.of(user_id=7).get("n") == 2

    assert isinstance(error, StateClassError)
    assert "rename one of them" in str(error)


async def test_a_state_that_a_handler_does_not_use_may_be_asked_for_again() -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def handle(_: MessageCreated, cart: Cart, same: Cart, common: Common) -> None:
        if await common.incr("times") == 3:
            await cart.incr("n")
            await same.incr("n")

    async with Playground(dispatcher) as chat:
        for _ in range(3):
            await say(chat, 7, "go")

        assert await Cart.of(user_id=7).get("n") == 2


async def test_handlers_of_the_beginning_are_given_states_too() -> None:
    dispatcher = Dispatcher()

    @dispatcher.startup()
    async def begin(common: Common) -> None:
        await common.set("a", 1)

    async with Playground(dispatcher):
        assert await Common.of().get("a") == 1


async def test_so_they_are_in_each_of_two_runtimes() -> None:
    def beginning(number: int) -> Dispatcher:
        dispatcher = Dispatcher()

        @dispatcher.startup()
        async def begin(common: Common) -> None:
            await common.set("a", number)

        return dispatcher

    async with Playground(beginning(1)) as one, Playground(beginning(2)) as two:
        assert await one.runtime.states.of(Common).get("a") == 1
        assert await two.runtime.states.of(Common).get("a") == 2


def test_a_state_of_a_window_has_no_scope() -> None:
    with pytest.raises(StateClassError, match="names a window"):
        type("Cart", (WindowState,), {}, scope="user")


@given(st.lists(st.sampled_from([7, 8]), max_size=20))
def test_dialogs_that_use_each_others_states_never_wait_for_themselves(
    users: list[int],
) -> None:
    async def handle(event: MessageCreated, cart: Cart) -> None:
        other = Cart.of(user_id=15 - (event.user.id if event.user else 0))
        await other.incr("n")
        await other.now.incr("at_once")
        await cart.get("n")
        await cart.incr("own", await other.get("n"))

    async def run() -> tuple[int, int]:
        async with asyncio.timeout(60), Playground(on_message(handle)) as chat:
            await asyncio.gather(*(chat.say(user, "go") for user in users))
            await chat.settled()
            found = [await Cart.of(user_id=user).get_all() for user in (7, 8)]
            return sum(one.get("n", 0) for one in found), sum(
                one.get("at_once", 0) for one in found
            )

    assert asyncio.run(run()) == (len(users), len(users))


async def test_a_plain_callable_and_an_unreadable_annotation_are_left_alone() -> None:
    class Unhashable(list[int]):
        async def __call__(self, _: MessageCreated, state: Cart) -> None:
            await state.incr("n")

    async with Playground(on_message(Unhashable())) as chat:
        await say(chat, 7, "go")

        assert await Cart.of(user_id=7).get("n") == 1
    assert state_parameters(partial(plain)).classes == {"state": Cart}
    assert state_parameters(print).classes == {}
    assert state_parameters(dict.fromkeys).classes == {}


async def test_a_class_of_a_function_around_is_found_too() -> None:
    class Inner(AsyncState):
        pass

    async def handle(_: MessageCreated, state: Inner) -> None:
        await state.set("a", Inner.__name__)

    async with Playground(on_message(handle)) as chat:
        await say(chat, 7, "go")

        assert await Inner.of().get("a") == "Inner"
