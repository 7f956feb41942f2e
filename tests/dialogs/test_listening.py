"""Which dialog takes what a user writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue import F, Runtime
from duologue.dialogs import (
    GROUP_STACK_ID,
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import (
    Command,
    CommandObject,
    HandlerData,
    NextHandler,
    Router,
)
from duologue.dialogs.widgets.input import MessageInput
from duologue.dialogs.widgets.kbd import Cancel
from duologue.dialogs.widgets.text import Format
from duologue.testing import Playground
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox

GROUP = -5


class Name(StatesGroup):
    asking = State()


class City(StatesGroup):
    asking = State()


class Menu(StatesGroup):
    shown = State()


async def keep(
    message: MessageCreated, _widget: object, manager: DialogManager
) -> None:
    manager.dialog_data["text"] = message.text


def asking(state: State, question: str, *, commands: bool = False) -> Dialog:
    """A dialog that asks and shows the answer."""
    return Dialog(
        Window(
            Format(question + " {dialog_data[text]}", when=F["dialog_data"]["text"]),
            Format(question, when=~F["dialog_data"]["text"]),
            MessageInput(keep, commands=commands),
            state=state,
        )
    )


@pytest.fixture
def dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    dispatcher.include_routers(
        asking(Name.asking, "Name?"),
        asking(City.asking, "City?"),
        Dialog(Window("Menu", Cancel(), state=Menu.shown)),
    )
    return dispatcher


async def ask_both(chat: Playground) -> None:
    """Open one dialog in the default stack and one in a stack of its own."""
    await (await chat.dialog(1).start(Name.asking)).drawn()
    await (await chat.dialog(1).start(City.asking, mode=StartMode.NEW_STACK)).drawn()
    await chat.settled()


def texts(chat: Playground, chat_id: int = 1) -> list[str]:
    return [each.text for each in chat.messages(chat_id) if each.user_id is None]


async def test_a_reply_goes_to_the_dialog_whose_message_it_answers(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await ask_both(chat)
        await chat.say(1, "Paris", reply_to=chat.screen(1).id)
        await chat.settled()

        assert texts(chat) == ["Name?", "City? Paris"]


async def test_other_text_goes_to_the_default_stack(dispatcher: Dispatcher) -> None:
    async with Playground(dispatcher) as chat:
        await ask_both(chat)
        question = await chat.say(1, "Ann")
        await chat.say(1, "Bob", reply_to=question)  # it answers no message of a stack
        await chat.settled()

        assert texts(chat) == ["Name?", "City?", "Name? Ann", "Name? Bob"]


@pytest.mark.parametrize("default", [None, Menu.shown])
async def test_text_reaches_the_only_open_dialog_that_takes_text(
    dispatcher: Dispatcher, default: State | None
) -> None:
    async with Playground(dispatcher) as chat:
        if default is not None:
            await (await chat.dialog(1).start(default)).drawn()
        await (await chat.dialog(1).start(City.asking, mode=StartMode.NEW_STACK))
        await chat.settled()
        await chat.say(1, "Paris")
        await chat.settled()

        assert chat.screen(1).text == "City? Paris"


async def test_text_that_two_dialogs_could_take_is_left_to_the_default_stack(
    dispatcher: Dispatcher,
) -> None:
    taken: list[str] = []

    @dispatcher.message()
    async def rest(event: MessageCreated, dialog_manager: DialogManager) -> None:
        taken.append(event.text)
        assert not dialog_manager.has_context()

    async with Playground(dispatcher) as chat:
        for state in (Name.asking, City.asking):
            await (await chat.dialog(1).start(state, mode=StartMode.NEW_STACK))
        await chat.say(1, "hello")
        await chat.settled()

        assert sorted(texts(chat)) == ["City?", "Name?"]

    assert taken == ["hello"]


async def test_a_handler_works_on_the_default_stack_though_another_listens(
    dispatcher: Dispatcher,
) -> None:
    @dispatcher.message(Command("menu"))
    async def menu(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Menu.shown)

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(City.asking, mode=StartMode.NEW_STACK))
        await chat.say(1, "/menu")
        await chat.say(1, "Paris")
        await chat.settled()

        assert texts(chat) == ["City? Paris", "Menu"]


async def test_a_shared_dialog_without_buttons_is_answered_by_a_reply(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        shared = dispatcher.bg_factory.bg(chat_id=GROUP, stack_id=GROUP_STACK_ID)
        await (await shared.start(Name.asking)).drawn()
        await chat.say(7, "hello everybody", chat_id=GROUP)
        await chat.settled()
        before = chat.screen(0, chat_id=GROUP)
        await chat.say(7, "Ann", chat_id=GROUP, reply_to=before.id)
        await chat.settled()

        assert before.text == "Name?"
        assert chat.screen(0, chat_id=GROUP).text == "Name? Ann"


async def test_a_dialog_of_a_member_without_buttons_is_answered_by_a_reply(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        own = chat.dialog(7, chat_id=GROUP)
        await (await own.start(Name.asking)).drawn()
        await chat.say(
            7, "Ann", chat_id=GROUP, reply_to=chat.screen(0, chat_id=GROUP).id
        )
        await chat.settled()

        assert chat.screen(0, chat_id=GROUP).text == "Name? Ann"


@pytest.mark.real_time
async def test_a_shared_dialog_without_buttons_is_answered_on_the_messenger(
    dispatcher: Dispatcher, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox:
        bot, control = Bot(sandbox.token, base_url=sandbox.url), sandbox.control()
        ann = await control.add_user("Ann")
        group = await control.add_group("Friends", [ann])
        async with Runtime(dispatcher, [bot], state_dir=tmp_path) as runtime:
            shared = runtime.dialog(chat_id=group, stack_id=GROUP_STACK_ID)
            await (await shared.start(Name.asking)).drawn()
            question = (await control.messages(group))[-1]
            await control.say(ann, "Ann", chat_id=group, reply_to=question.message_id)
            await control.wait_for(lambda entry: "Name? Ann" in (entry.text or ""))


async def test_commands_come_before_inputs_wherever_their_handlers_are() -> None:
    taken: list[CommandObject] = []
    dispatcher, below = Dispatcher(), Router()
    dispatcher.include_routers(asking(Name.asking, "Name?"), below)

    @below.message(Command("help"))
    async def show_help(_: MessageCreated, command: CommandObject) -> None:
        taken.append(command)

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Name.asking)).drawn()
        await chat.say(1, "/help me")
        await chat.settled()
        untouched = chat.screen(1).text
        await chat.say(1, "/nobody knows it")
        await chat.settled()

        assert untouched == "Name?"
        assert chat.screen(1).text == "Name? /nobody knows it"

    assert taken == [CommandObject("/", "help", "me")]


async def test_an_input_that_wants_commands_gets_them() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(asking(Name.asking, "Name?", commands=True))

    @below_of(dispatcher).message(Command("help"))
    async def never(event: MessageCreated) -> None:
        raise AssertionError(event.text)

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Name.asking)).drawn()
        await chat.say(1, "/help")
        await chat.settled()

        assert chat.screen(1).text == "Name? /help"


async def test_other_handlers_behind_a_dialog_stay_behind_its_input() -> None:
    dispatcher = Dispatcher()
    dispatcher.include_router(asking(Name.asking, "Name?"))

    @below_of(dispatcher).message(F.text.startswith("/"))
    async def never(event: MessageCreated) -> None:
        raise AssertionError(event.text)

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Name.asking)).drawn()
        await chat.say(1, "/help")
        await chat.settled()

        assert chat.screen(1).text == "Name? /help"


async def test_the_filters_and_middlewares_around_a_command_are_asked_first() -> None:
    order: list[str] = []
    dispatcher, closed, open_ = Dispatcher(), Router(), Router()
    dispatcher.include_routers(asking(Name.asking, "Name?"), closed, open_)
    closed.message.filter(F.text == "never")

    async def outer(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        order.append(f"outer {event.text}")
        return await handler(event, data | {"found": "it"})

    open_.message.outer_middleware(outer)

    @closed.message(Command("help"))
    async def never(event: MessageCreated) -> None:
        raise AssertionError(event.text)

    @open_.message(Command("help"))
    async def show_help(_: MessageCreated, found: str) -> None:
        order.append(f"help {found}")

    async with Playground(dispatcher) as chat:
        await (await chat.dialog(1).start(Name.asking)).drawn()
        await chat.say(1, "Ann")
        await chat.say(1, "/help")
        await chat.settled()

        assert chat.screen(1).text == "Name? Ann"

    assert order == ["outer /help", "help it"]


def below_of(dispatcher: Dispatcher) -> Router:
    """A router that is asked last."""
    return dispatcher.include_router(Router())
