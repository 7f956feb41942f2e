"""Handlers, filters and middlewares that are written in a way that cannot work."""

from __future__ import annotations

import logging

import pytest

from duologue.dialogs import (
    DialogManager,
    Dispatcher,
    MessageCreated,
    State,
    StatesGroup,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import (
    Command,
    CommandStart,
    HandlerData,
    NextHandler,
    Router,
)
from duologue.dialogs.widgets.text import Const
from duologue.errors import HandlerError, InjectionError, RouterError
from duologue.testing import Playground


class Menu(StatesGroup):
    first = State()


async def answer(message: MessageCreated) -> None:
    del message


async def is_long(message: MessageCreated) -> bool:
    return len(message.text) > 10


def plain(message: MessageCreated) -> None:
    del message


class Quiet:
    """A middleware, as a class."""

    async def __call__(
        self, handler: NextHandler, event: Json, data: HandlerData
    ) -> Json:
        return await handler(event, data)


async def test_a_decorator_without_parentheses_is_found_at_the_start() -> None:
    dispatcher, router = Dispatcher(), Router("shop")
    dispatcher.include_router(router)
    router.message(answer)

    with pytest.raises(RouterError, match=r"message\(answer\) of <Router shop>") as it:
        async with Playground(dispatcher):
            pass

    assert "@router.message()" in str(it.value)


async def test_a_decorator_that_is_used_is_no_mistake() -> None:
    dispatcher = Dispatcher()
    dispatcher.message(is_long)(answer)
    both = dispatcher.edited_message(is_long)
    both(answer)
    both(answer)

    async with Playground(dispatcher):
        pass

    assert dispatcher.used_events() == {"message", "edited_message"}


@pytest.mark.parametrize("wrong", [plain, "answer", None, 5])
def test_a_handler_that_is_not_async_is_refused_where_it_is_registered(
    wrong: Json,
) -> None:
    with pytest.raises(HandlerError, match="must be an `async def` function"):
        Dispatcher().message()(wrong)


def test_a_class_in_the_place_of_a_handler_is_refused_with_what_to_write() -> None:
    with pytest.raises(HandlerError, match=r"Quiet.* it is a class; give Quiet\(\)"):
        Dispatcher().message()(Quiet)


def test_a_filter_class_without_parentheses_is_refused_with_what_to_write() -> None:
    with pytest.raises(RouterError, match=r"CommandStart .*give .*CommandStart\(\)"):
        Dispatcher().message(CommandStart)


def test_a_text_is_no_filter() -> None:
    with pytest.raises(RouterError, match=r"'/start' is no filter; .*Command\("):
        Dispatcher().message("/start")  # type: ignore[arg-type]  # that is the mistake


def test_a_middleware_class_is_refused_with_what_to_write() -> None:
    with pytest.raises(RouterError, match=r"class Quiet .*give an instance: Quiet\(\)"):
        Dispatcher().message.middleware(Quiet)  # type: ignore[type-var]  # that is the mistake


def test_a_middleware_that_takes_too_little_is_refused_where_it_is_added() -> None:
    with pytest.raises(RouterError, match=r"answer is no middleware of message"):
        Dispatcher().message.middleware(answer)  # type: ignore[type-var]  # that is the mistake


async def test_a_middleware_that_is_not_async_is_told_in_its_first_turn() -> None:
    def forgetful(handler: NextHandler, event: Json, data: HandlerData) -> None:
        del handler, event, data

    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    dispatcher.message.middleware(forgetful)  # type: ignore[type-var]  # that is the mistake

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()
        (error,) = chat.take_errors()

    assert isinstance(error, HandlerError)
    assert "forgetful" in str(error)
    assert "return await handler(event, data)" in str(error)


async def test_a_plain_function_may_hand_on_what_the_next_handler_gives() -> None:
    seen: list[str] = []

    def passing(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        seen.append(event.text)
        return handler(event, data)

    dispatcher = Dispatcher()
    dispatcher.message.register(answer)
    dispatcher.message.middleware(passing)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()

    assert seen == ["hi"]


async def test_an_argument_that_nobody_provides_comes_with_the_name_that_was_meant() -> (
    None
):
    async def handler(message: MessageCreated, manager) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # without a type it is found by its name
        del message, manager

    dispatcher = Dispatcher()
    dispatcher.message.register(handler)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()
        (error,) = chat.take_errors()

    assert isinstance(error, InjectionError)
    assert error.parameter == "manager"
    assert "Did you mean 'dialog_manager'?" in str(error)


@pytest.mark.parametrize("wrong", [Const("x"), [Router(), Router()], "router", Router])
def test_what_is_no_router_cannot_be_included(wrong: Router) -> None:
    with pytest.raises(RouterError, match="is no router and cannot be included") as it:
        Dispatcher().include_router(wrong)

    assert ("include_routers(" in str(it.value)) is isinstance(wrong, list)


async def test_an_update_that_nobody_takes_is_noted_once_with_who_was_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(Router("shop"))
    caplog.set_level(logging.INFO, "duologue.dialogs")

    async with Playground(dispatcher) as chat:
        for text in ("secret one", "secret two"):
            await chat.say(1, text)
        await chat.settled()

    (line,) = [
        record.getMessage() for record in caplog.records if "asked" in record.msg
    ]
    assert "kind message" in line
    assert "Dispatcher, shop" in line
    assert "secret" not in line


async def test_a_forgotten_await_is_reported_with_the_call_and_its_line() -> None:
    async def handler(message: MessageCreated, dialog_manager: DialogManager) -> None:
        del message
        dialog_manager.start(Menu.first)  # type: ignore[unused-coroutine]  # that is the mistake

    dispatcher = Dispatcher()
    dispatcher.message.register(handler)

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        with pytest.warns(RuntimeWarning, match=r"DialogManager\.start' was never"):
            await chat.settled()


async def nothing() -> bool:
    return True


def of_two(message: MessageCreated, bot: Json) -> bool:
    return message.bot is bot


@pytest.mark.parametrize("wrong", [nothing, of_two, lambda: True])
def test_a_filter_that_cannot_take_the_event_is_refused_where_it_is_registered(
    wrong: Json,
) -> None:
    with pytest.raises(RouterError, match="cannot be called with the event alone"):
        Router().message(wrong)


@pytest.mark.parametrize("wrong", [["help", "about"], 5, None])
def test_what_is_no_name_of_a_command_is_refused(wrong: Json) -> None:
    with pytest.raises(
        RouterError, match=r'write several as Command\("help", "about"\)'
    ):
        Command(wrong)
