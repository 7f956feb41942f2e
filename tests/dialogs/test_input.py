"""Widgets that take what the user writes."""

from __future__ import annotations

import pytest
from magic_filter import F

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._data import Json
from duologue.dialogs.widgets.input import (
    Input,
    ManagedTextInput,
    MessageInput,
    TextInput,
)
from duologue.dialogs.widgets.text import Format
from duologue.errors import InvalidWidgetIdError, WidgetError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


Seen = list[tuple[Json, ...]]


def playground(*inputs: Input) -> Playground:
    window = Window(Format("{dialog_data}"), *inputs, state=Main.one)
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(window))
    return Playground(dispatcher)


async def say(chat: Playground, *texts: str) -> None:
    """Open the window and write into it."""
    await (await chat.dialog(1).start(Main.one)).drawn()
    for text in texts:
        await chat.say(1, text)
        await chat.settled()


async def test_a_message_input_gets_the_message_itself_and_the_manager() -> None:
    async def take(
        message: MessageCreated, widget: MessageInput, manager: DialogManager
    ) -> None:
        manager.dialog_data["text"] = f"{message.text} {widget.widget_id}"

    async with playground(MessageInput(take, id="i")) as chat:
        await say(chat, "hi")

        assert chat.screen(1).text == "{'text': 'hi i'}"


@pytest.mark.parametrize(
    "chosen", [F.text == "yes", lambda message: message.text == "yes"]
)
async def test_a_filter_decides_which_messages_are_taken(chosen: Json) -> None:
    taken: list[str] = []

    async def take(message: MessageCreated, *_: object) -> None:
        taken.append(message.text)

    async with playground(MessageInput(take, filter=chosen)) as chat:
        await say(chat, "no", "yes")

    assert taken == ["yes"]


async def test_a_filter_may_be_async() -> None:
    taken: list[str] = []

    async def is_short(message: MessageCreated) -> bool:
        return len(message.text) < 3

    async def take(message: MessageCreated, *_: object) -> None:
        taken.append(message.text)

    async with playground(MessageInput(take, is_short)) as chat:
        await say(chat, "long", "hi")

    assert taken == ["hi"]


async def test_the_first_input_that_takes_a_message_keeps_it() -> None:
    taken: list[str] = []

    async def first(*_: object) -> None:
        taken.append("first")

    async def second(*_: object) -> None:
        taken.append("second")

    async with playground(
        MessageInput(first, F.text == "a"), MessageInput(second)
    ) as chat:
        await say(chat, "a", "b")

    assert taken == ["first", "second"]


def number_input(seen: Seen) -> TextInput[int]:
    async def good(
        message: MessageCreated,
        widget: ManagedTextInput[int],
        manager: DialogManager,
        value: int,
    ) -> None:
        found: Json = manager.find("n")
        same = found.get_value() == widget.get_value()
        seen.append(("good", message.text, widget.get_value(), value, same))

    async def bad(
        message: MessageCreated,
        widget: ManagedTextInput[int],
        manager: DialogManager,
        error: ValueError,
    ) -> None:
        assert manager.has_context()
        seen.append(("bad", message.text, widget.get_value(), type(error)))

    return TextInput(id="n", type_factory=int, on_success=good, on_error=bad)


async def test_a_text_input_makes_a_value_and_remembers_it() -> None:
    seen: Seen = []

    async with playground(number_input(seen)) as chat:
        await say(chat, "x", "42", "y", "7")

    assert seen == [
        ("bad", "x", None, ValueError),
        ("good", "42", 42, 42, True),
        ("bad", "y", 42, ValueError),
        ("good", "7", 7, 7, True),
    ]


async def test_a_text_input_needs_no_handlers() -> None:
    values: list[int | None] = []

    async with playground(TextInput("n", int)) as chat:
        await say(chat, "x", "5")
        async with chat.dialog(1).fg() as manager:
            found: Json = manager.find("n")
            values.append(found.get_value())

        assert not chat.errors

    assert values == [5]


async def test_a_text_input_leaves_messages_without_text_to_others() -> None:
    seen: Seen = []

    async def other(message: MessageCreated, *_: object) -> None:
        seen.append(("other", message.text))

    async with playground(number_input(seen), MessageInput(other)) as chat:
        await say(chat, "", "1")

    assert seen == [("other", ""), ("good", "1", 1, 1, True)]


async def test_a_text_input_keeps_text_as_it_is_by_default() -> None:
    async with playground(TextInput(id="t")) as chat:
        await say(chat, " hi ")
        async with chat.dialog(1).fg() as manager:
            found: Json = manager.find("t")
            value = found.get_value()

    assert value == " hi "


def test_a_text_input_has_an_id_that_can_be_found() -> None:
    with pytest.raises(InvalidWidgetIdError):
        TextInput(id="no spaces")


def plain(*_: object) -> None:
    """Stand for a function that is not async."""


@pytest.mark.parametrize("name", ["on_success", "on_error"])
def test_handlers_of_a_text_input_must_be_async(name: str) -> None:
    with pytest.raises(WidgetError, match=f"{name}=plain must be an `async def`"):
        TextInput("t", **{name: plain})  # type: ignore[arg-type]  # that is the mistake


def test_the_function_of_a_message_input_must_be_async() -> None:
    with pytest.raises(WidgetError, match="func=plain must be an `async def`"):
        MessageInput(plain)  # type: ignore[arg-type]  # that is the mistake


async def test_an_input_that_does_not_say_what_it_does_is_a_mistake() -> None:
    async with playground(Input()) as chat:
        await say(chat, "hi")

        (error,) = chat.take_errors()
        assert isinstance(error, NotImplementedError)
