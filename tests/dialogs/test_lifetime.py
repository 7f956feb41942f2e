"""What an application does when its runtime begins and ends, and what handlers know."""

from __future__ import annotations

import pytest

from duologue.dialogs import (
    BgManagerFactory,
    Bot,
    Dialog,
    DialogManager,
    Dispatcher,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import CommandStart, Router
from duologue.errors import HandlerError, RouterError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


async def test_functions_of_all_routers_are_called_at_the_beginning_and_the_end() -> (
    None
):
    events: list[str] = []
    dispatcher, router = Dispatcher(db="the database"), Router()
    dispatcher.include_routers(router, Dialog(Window("hi", state=Main.one)))

    @dispatcher.startup()
    async def begin(bot: Bot, db: str, bg_factory: BgManagerFactory) -> None:
        events.append(f"begin {bot.messenger} {db}")
        await (await bg_factory.bg(chat_id=1, user_id=1).start(Main.one))

    @router.startup()
    async def begin_too() -> None:
        events.append("begin too")

    @router.shutdown()
    async def end(**data: object) -> None:
        events.append(f"end {data['db']}")

    async with Playground(dispatcher) as chat:
        await chat.settled()
        events.append(chat.screen(1).text)

    assert events == [
        "begin test the database",
        "begin too",
        "hi",
        "end the database",
    ]


async def test_a_beginning_that_fails_ends_the_program_in_order() -> None:
    events: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.startup()
    async def begin() -> None:
        raise LookupError

    @dispatcher.shutdown()
    async def end() -> None:
        events.append("end")

    with pytest.raises(LookupError):
        await Playground(dispatcher).__aenter__()

    assert events == ["end"]


def test_what_cannot_be_called_at_the_beginning_is_refused() -> None:
    dispatcher = Dispatcher()

    async def begin() -> None: ...

    with pytest.raises(RouterError, match=r"write `@router.startup\(\)`"):
        dispatcher.startup(begin)
    with pytest.raises(HandlerError, match="must be an `async def`"):
        dispatcher.startup.register(lambda: None)


async def test_handlers_and_getters_know_the_language_of_the_user() -> None:
    seen: list[object] = []
    dispatcher = Dispatcher()

    async def getter(user_locale: str | None, **_: object) -> dict[str, object]:
        return {"language": user_locale}

    dispatcher.include_router(
        Dialog(Window("{language}", state=Main.one, getter=getter))
    )

    @dispatcher.message(CommandStart())
    async def start(
        event: MessageCreated, dialog_manager: DialogManager, user_locale: str
    ) -> None:
        assert event.user is not None
        seen.extend([event.user.language_code, user_locale])
        await dialog_manager.start(Main.one)

    async with Playground(dispatcher) as chat:
        await chat.happen("bot_started", 1, user_locale="ru")
        await chat.settled()
        shown = chat.screen(1).text
        await (await chat.dialog(1).update({"x": 1}))  # it is kept for such calls
        await chat.settled()

        assert (shown, chat.screen(1).text) == ("ru", "ru")

    assert seen == ["ru", "ru"]
