"""Widgets that take what the user writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from magic_filter import F

from duologue import Runtime
from duologue.dialogs import (
    Attachment,
    ContentType,
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import CommandStart
from duologue.dialogs.widgets.input import (
    Input,
    ManagedTextInput,
    MessageInput,
    TextInput,
)
from duologue.dialogs.widgets.kbd import Next
from duologue.dialogs.widgets.text import Format
from duologue.errors import InvalidWidgetIdError, WidgetError
from duologue.testing import Playground
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox


class Main(StatesGroup):
    one = State()


class Steps(StatesGroup):
    one = State()
    two = State()


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

    async with playground(MessageInput(take, filter=is_short)) as chat:
        await say(chat, "long", "hi")

    assert taken == ["hi"]


async def test_the_first_input_that_takes_a_message_keeps_it() -> None:
    taken: list[str] = []

    async def first(*_: object) -> None:
        taken.append("first")

    async def second(*_: object) -> None:
        taken.append("second")

    async with playground(
        MessageInput(first, filter=F.text == "a"), MessageInput(second)
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


@pytest.mark.parametrize(
    ("factory", "text"),
    [
        (Decimal, "abc"),
        ({"yes": True}.__getitem__, "no"),
        (lambda text: 1 // int(text), "0"),
        (lambda text: text + 1, "1"),
        (["a"].__getitem__, "b"),
    ],
    ids=["Decimal", "KeyError", "ZeroDivisionError", "TypeError", "list"],
)
async def test_on_error_gets_whatever_says_that_a_text_is_wrong(
    factory: Json, text: str
) -> None:
    errors: list[Json] = []

    async def on_error(
        message: MessageCreated, widget: Json, manager: DialogManager, error: Json
    ) -> None:
        del message, widget, manager
        errors.append(error)

    async with playground(TextInput("n", factory, on_error=on_error)) as chat:
        await say(chat, text)

        assert chat.take_errors() == []

    assert len(errors) == 1


async def test_another_error_of_a_type_factory_fails_the_turn() -> None:
    def factory(_text: str) -> int:
        raise OSError

    async with playground(TextInput("n", factory)) as chat:
        await say(chat, "1")
        (error,) = chat.take_errors()

    assert isinstance(error, OSError)


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


FILE = Attachment("file", "report.pdf", 1200, "https://files.example/1", "t")
MESSAGES: list[tuple[str, list[Attachment]]] = [
    ("text", []),
    ("", [FILE]),
    ("both", [Attachment("image"), FILE]),
    ("", [Attachment("hologram")]),
]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (ContentType.ANY, [0, 1, 2, 3]),
        ({"any", "file"}, [0, 1, 2, 3]),
        (ContentType.TEXT, [0, 2]),
        ("file", [1, 2]),
        ([ContentType.IMAGE, "hologram"], [2, 3]),
        ((), []),
    ],
    ids=["any", "any of two", "text", "file", "others", "none"],
)
async def test_content_types_decide_which_messages_are_taken(
    wanted: Json, taken: list[int]
) -> None:
    seen: list[tuple[str, list[Attachment]]] = []

    async def take(message: MessageCreated, *_: object) -> None:
        seen.append((message.text, list(message.attachments)))

    async with playground(MessageInput(take, wanted)) as chat:
        await say(chat)
        for text, attachments in MESSAGES:
            await chat.say(1, text, attachments=attachments)
        await chat.settled()

    assert seen == [MESSAGES[number] for number in taken]


async def test_content_types_and_a_filter_must_both_agree() -> None:
    taken: list[str] = []

    async def take(message: MessageCreated, *_: object) -> None:
        taken.append(message.text)

    chosen = MessageInput(take, ContentType.FILE, F.attachments[0].size > 1000)
    async with playground(chosen) as chat:
        await say(chat, "no file")
        await chat.say(1, "small", attachments=[Attachment("file", size=10)])
        await chat.say(1, "large", attachments=[FILE])
        await chat.settled()

    assert taken == ["large"]


@pytest.mark.parametrize("wrong", [F.text == "a", 5, [5], plain])
def test_content_types_are_names(wrong: Json) -> None:
    with pytest.raises(WidgetError, match="a filter is given as filter="):
        MessageInput(Next(), wrong)


async def test_a_moving_widget_stands_in_for_on_success() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(Format("one"), TextInput("t", on_success=Next()), state=Steps.one),
            Window(Format("two"), state=Steps.two),
        )
    )
    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Steps.one)).drawn()
        await chat.say(1, "Ann")
        await chat.settled()

        assert chat.screen(1).text == "two"


@pytest.mark.real_time
async def test_a_message_of_max_that_is_only_a_file_reaches_its_input() -> None:
    async def take(
        message: MessageCreated, _: MessageInput, manager: DialogManager
    ) -> None:
        manager.dialog_data["file"] = message.attachments[0].name

    dispatcher = Dispatcher()
    wanted = MessageInput(take, ContentType.FILE)
    dispatcher.include_router(
        Dialog(Window(Format("{dialog_data}"), wanted, state=Main.one))
    )
    async with Sandbox() as sandbox:
        bot = Bot(sandbox.token, base_url=sandbox.url)
        control = sandbox.control()
        ann = await control.add_user("Ann")
        chat = (await control.start(ann)).chat_id or 0
        async with Runtime(dispatcher, [bot], polling=None) as runtime:
            dialog = runtime.dialog(bot, chat_id=chat, user_id=ann)
            await (await dialog.start(Main.one)).drawn()
            await runtime.accept(bot, _file_of_max(chat, ann))
            await runtime.settled()
        shown = await control.messages(chat)

    assert shown[-1].text == "{'file': 'report.pdf'}"


def _file_of_max(chat_id: int, user_id: int) -> dict[str, object]:
    file = {
        "type": "file",
        "payload": {"url": "https://files.example/1", "token": "t"},
        "filename": "report.pdf",
        "size": 1200,
    }
    return {
        "update_type": "message_created",
        "timestamp": 1_700_000_000_000,
        "message": {
            "sender": {"user_id": user_id, "first_name": "Ann", "is_bot": False},
            "recipient": {"chat_id": chat_id, "chat_type": "dialog"},
            "timestamp": 1_700_000_000_000,
            "body": {"mid": "mid.1", "seq": 1, "text": "", "attachments": [file]},
        },
    }


async def _ignore(*_: Json) -> None:
    pass


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("text", "filter='text' must be"),
        (5, "filter=5 must be"),
        (CommandStart, r"give an instance: CommandStart\(\)"),
        (lambda: True, "function of the message"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda wrong: TextInput("t", filter=wrong),
        lambda wrong: MessageInput(_ignore, filter=wrong),
    ],
    ids=["text", "message"],
)
def test_a_filter_that_cannot_work_is_refused(
    make: Json, wrong: Json, problem: str
) -> None:
    with pytest.raises(WidgetError, match=problem):
        make(wrong)


@pytest.mark.parametrize("wrong", ["int", None, _ignore])
def test_a_type_factory_is_a_function_that_answers_at_once(wrong: Json) -> None:
    with pytest.raises(WidgetError, match=r"type_factory=.* must be a function"):
        TextInput("t", type_factory=wrong)
