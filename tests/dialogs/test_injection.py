"""Which arguments a handler asks for, and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from duologue.dialogs import (
    BgManagerFactory,
    Bot,
    Chat,
    DialogManager,
    Dispatcher,
    MessageCreated,
    TaskGroup,
    User,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import Handler
from duologue.errors import InjectionError
from duologue.testing import Playground, RecordingBot


class Database:
    """Something that an application keeps."""


class BetterDatabase(Database):
    """A kind of it."""


class Closeable(Protocol):
    """Cannot be checked at run time."""

    def close(self) -> None: ...


async def call(handler: Handler, **data: object) -> RecordingBot:
    """Let a handler handle one message; raise what it raises."""
    dispatcher = Dispatcher()
    for key, value in data.items():
        dispatcher[key] = value
    dispatcher.message.register(handler)
    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()
        for error in chat.take_errors():
            raise error
        return chat.bot


async def test_arguments_are_found_by_name() -> None:
    got: dict[str, object] = {}

    async def handler(
        event: MessageCreated,
        *,
        dialog_manager: object,
        bot: object,
        bg_factory: object,
        dialog_bg_factory: object,
        task_group: object,
        event_chat: object,
        event_from_user: object,
        dispatcher: object,
        db: object,
    ) -> None:
        del event
        got.update(locals())

    bot = await call(handler, db="the database")

    assert isinstance(got["dialog_manager"], DialogManager)
    assert got["bot"] is bot
    assert isinstance(got["bg_factory"], BgManagerFactory)
    assert got["dialog_bg_factory"] is got["bg_factory"]
    assert isinstance(got["task_group"], TaskGroup)
    assert got["event_chat"] == Chat(1)
    assert got["event_from_user"] == User(1, "User 1")
    assert isinstance(got["dispatcher"], Dispatcher)
    assert got["db"] == "the database"


async def test_arguments_are_found_by_type() -> None:
    got: list[object] = []

    async def handler(
        event: MessageCreated,
        manager: DialogManager,
        client: Bot,
        store: Database,
        person: User,
    ) -> None:
        got.extend([event.text, manager.has_context(), client, type(store), person.id])

    bot = await call(handler, db=Database())

    assert got == ["hi", False, bot, Database, 1]


async def test_an_exact_type_wins_over_a_subclass() -> None:
    got: list[object] = []

    async def handler(
        _: MessageCreated, exact: Database, better: BetterDatabase
    ) -> None:
        got.extend([type(exact), type(better)])

    await call(handler, first=BetterDatabase(), second=Database())

    assert got == [Database, BetterDatabase]


async def test_a_subclass_does_where_there_is_no_exact_type() -> None:
    got: list[object] = []

    async def handler(_: MessageCreated, store: Database) -> None:
        got.append(type(store))

    await call(handler, db=BetterDatabase())

    assert got == [BetterDatabase]


async def test_annotations_that_exist_only_in_a_function_match_by_name() -> None:
    got: list[object] = []

    class Local:
        pass

    async def handler(_: MessageCreated, found: Local, client: Bot) -> None:
        got.extend([type(found), client.messenger])

    await call(handler, thing=Local())

    assert got == [Local, "test"]


async def test_kwargs_take_everything() -> None:
    got: dict[str, object] = {}

    async def handler(_: MessageCreated, db: str, **rest: object) -> None:
        got.update(rest, db=db)

    await call(handler, db="the database", more=1)

    assert got["db"] == "the database"
    assert got["more"] == 1
    assert isinstance(got["dialog_manager"], DialogManager)


async def test_an_argument_with_a_default_need_not_be_there() -> None:
    got: list[object] = []

    async def handler(_: MessageCreated, *, missing: int = 5, db: str = "") -> None:
        got.extend([missing, db])

    await call(handler, db="the database")

    assert got == [5, "the database"]


async def test_a_handler_may_take_only_positional_arguments() -> None:
    got: list[object] = []

    async def handler(*events: object) -> None:
        got.extend(events)

    await call(handler)

    (event,) = got
    assert isinstance(event, MessageCreated)


@pytest.mark.parametrize("annotation", [object, str, int, Closeable, "Nowhere", None])
async def test_what_nobody_provides_is_named_together_with_what_there_is(
    annotation: Json,
) -> None:
    async def handler(_: MessageCreated, wanted: object) -> None:
        del wanted

    handler.__annotations__["wanted"] = annotation

    with pytest.raises(InjectionError) as caught:
        await call(handler, db="the database")

    error = caught.value
    assert error.handler.endswith("handler")
    assert error.parameter == "wanted"
    assert {"db", "dialog_manager", "bot"} <= set(error.known)
    assert list(error.known) == sorted(error.known)


async def test_a_plain_type_is_no_reason_to_hand_over_a_value() -> None:
    class Local:
        pass

    async def handler(_: MessageCreated, wanted: str, found: Local) -> None:
        del wanted, found

    with pytest.raises(InjectionError) as caught:
        await call(handler, db="the database", thing=Local())

    assert caught.value.parameter == "wanted"


class Greeter:
    """A handler that is an object."""

    def __init__(self) -> None:
        self.greeted: list[object] = []

    async def __call__(self, event: MessageCreated, store: Database) -> None:
        self.greeted.extend([event.text, type(store)])

    async def method(self, event: MessageCreated, store: Database) -> None:
        await self(event, store)


@pytest.mark.parametrize(
    "pick",
    [lambda greeter: greeter, lambda greeter: greeter.method],
    ids=["object", "method"],
)
async def test_objects_and_methods_are_handlers(
    pick: Callable[[Greeter], Handler],
) -> None:
    greeter = Greeter()

    await call(pick(greeter), db=Database())

    assert greeter.greeted == ["hi", Database]
