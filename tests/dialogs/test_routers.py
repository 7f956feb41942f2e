"""Routers: who handles which update."""

from __future__ import annotations

import pytest

from duologue import F
from duologue.dialogs import (
    BotStarted,
    ChatTitleChanged,
    Dispatcher,
    ErrorEvent,
    MessageCreated,
    MessageRemoved,
    Update,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.routing import (
    UNHANDLED,
    Command,
    CommandObject,
    CommandStart,
    ExceptionTypeFilter,
    HandlerData,
    NextHandler,
    Router,
)
from duologue.errors import HandlerError, RouterError
from duologue.testing import Playground


def noting(notes: list[str], note: str) -> Json:
    """A handler that notes that it was called."""

    async def handler(event: Update) -> None:
        del event
        notes.append(note)

    return handler


async def play(dispatcher: Dispatcher, *texts: str) -> None:
    """Write messages and wait until they are handled."""
    async with Playground(dispatcher) as chat:
        for text in texts:
            await chat.say(1, text)
        await chat.settled()


async def test_the_first_handler_whose_filters_pass_is_called() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.message.register(noting(notes, "a"), F.text == "a")
    dispatcher.message.register(noting(notes, "not b"), F.text != "b")
    dispatcher.message.register(noting(notes, "rest"))

    await play(dispatcher, "a", "b", "c")

    assert notes == ["a", "rest", "not b"]


async def test_all_filters_of_a_handler_must_pass() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.message.register(
        noting(notes, "both"), F.text.len() > 1, F.text.startswith("a")
    )

    await play(dispatcher, "a", "bb", "ab")

    assert notes == ["both"]


async def test_own_handlers_come_before_included_routers_in_their_order() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()
    routers = [Router("one"), Router("two")]
    dispatcher.include_routers(*routers)
    routers[1].message.register(noting(notes, "two"))
    routers[0].message.register(noting(notes, "one"), F.text == "1")
    dispatcher.message.register(noting(notes, "own"), F.text == "0")

    await play(dispatcher, "0", "1", "2")

    assert notes == ["own", "one", "two"]


async def test_a_filter_of_a_router_covers_all_below_it() -> None:
    notes: list[str] = []
    dispatcher, outer, inner = Dispatcher(), Router(), Router()
    outer.include_router(inner)
    dispatcher.include_router(outer)
    outer.message.filter(F.text.startswith("in"))
    inner.message.register(noting(notes, "inner"))
    dispatcher.include_router(rest := Router())
    rest.message.register(noting(notes, "rest"))

    await play(dispatcher, "inside", "outside")

    assert notes == ["inner", "rest"]


COMMENT = {"id": "m", "user_id": 1, "text": "x", "keyboard": []}


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (
            "edited_message",
            {"message": {"id": "m", "user_id": 1, "text": "x", "keyboard": []}},
        ),
        ("removed_message", {"message_id": "m9"}),
        ("bot_started", {"payload": "deep"}),
        ("bot_stopped", {}),
        ("bot_added", {}),
        ("bot_removed", {}),
        ("user_added", {}),
        ("user_removed", {}),
        ("chat_title_changed", {"title": "New"}),
        ("dialog_cleared", {}),
        ("dialog_muted", {}),
        ("dialog_unmuted", {}),
        ("dialog_removed", {}),
        ("bot_admin_permissions_changed", {"is_admin": True}),
        ("unreadable_message", {}),
        ("comment", {"post_id": "post", "message": COMMENT}),
        ("edited_comment", {"post_id": "post", "message": COMMENT}),
        ("removed_comment", {"post_id": "post", "message_id": "m9"}),
    ],
)
async def test_each_kind_of_update_has_handlers_of_its_own(
    event: str, fields: dict[str, object]
) -> None:
    handled: list[Update] = []
    dispatcher = Dispatcher()

    async def handler(update: Update) -> None:
        handled.append(update)

    dispatcher.observers[event].register(handler)
    async with Playground(dispatcher) as chat:
        await chat.say(1, "something else")
        await chat.happen(event, 1, chat_id=-5, **fields)

    (update,) = handled
    assert (update.chat_id, update.user_id) == (-5, 1)
    match update:
        case BotStarted(payload=payload):
            assert payload == "deep"
        case MessageRemoved(message_id=message_id):
            assert message_id == "m9"
        case ChatTitleChanged(title=title):
            assert title == "New"
        case _:
            pass


async def test_a_payload_that_is_not_of_a_dialog_reaches_the_handlers() -> None:
    pressed: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.callback_query(F.data.startswith("vote:"))
    async def vote(callback: Json) -> None:
        pressed.append(callback.data)

    async with Playground(dispatcher) as chat:
        await chat.press(1, "vote:yes")
        await chat.press(1, "other")
        await chat.settled()

        assert chat.counts.of("updates", "unhandled") == 1

    assert pressed == ["vote:yes"]


async def test_what_nobody_handles_is_counted_and_harms_nobody() -> None:
    async with Playground(Dispatcher()) as chat:
        await chat.say(1, "hello?")
        await chat.settled()

        assert chat.counts.of("updates", "unhandled") == 1
        assert chat.counts.of("turns", "committed") == 1


def test_a_router_is_included_once() -> None:
    router = Router("r")
    Dispatcher("first").include_router(router)

    with pytest.raises(
        RouterError, match="<Router r> is included in <Dispatcher first>"
    ):
        Dispatcher().include_router(router)


def test_a_router_is_not_included_below_itself() -> None:
    outer, inner = Router("outer"), Router("inner")
    outer.include_router(inner)

    with pytest.raises(RouterError, match="below itself"):
        inner.include_router(outer)
    with pytest.raises(RouterError, match="below itself"):
        outer.include_router(outer)


def test_including_a_router_gives_it_back_and_walks_in_order() -> None:
    outer, inner, deep = Router("outer"), Router("inner"), Router("deep")

    assert outer.include_router(inner) is inner
    inner.include_router(deep)

    assert list(outer.walk()) == [outer, inner, deep]
    assert deep.chain() == [deep, inner, outer]


def test_a_router_without_a_name_can_be_told_apart() -> None:
    assert repr(Router()) != repr(Router())
    assert repr(Router("shop")) == "<Router shop>"


def test_a_handler_must_be_async_and_take_the_event() -> None:
    router = Router()

    with pytest.raises(HandlerError, match=r"must be an `async def`"):
        router.message.register(lambda event: event)

    async def nothing() -> None: ...

    with pytest.raises(HandlerError, match="first argument must be the event"):
        router.message.register(nothing)
    assert not router.message.has_handlers


async def test_a_decorated_handler_stays_the_function_that_it_is() -> None:
    router = Router()

    @router.message()
    async def handler(event: Update) -> str:
        return event.id

    assert handler.__name__ == "handler"
    assert router.message.has_handlers


def test_unhandled_is_falsy_and_shows_its_name() -> None:
    assert not UNHANDLED
    assert repr(UNHANDLED) == "UNHANDLED"


def writing(order: list[str], name: str) -> Json:
    """A middleware that notes when it begins and ends."""

    async def middleware(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        order.append(f"{name}(")
        result = await handler(event, data)
        order.append(f"){name}")
        return result

    return middleware


async def test_middlewares_stand_above_functions_with_parentheses_and_without() -> None:
    dispatcher, order = Dispatcher(), list[str]()

    @dispatcher.message.outer_middleware()
    async def outer(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        order.append("outer")
        return await handler(event, data)

    @dispatcher.message.middleware
    async def inner(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        order.append("inner")
        return await handler(event, data)

    @dispatcher.message()
    async def handle(_: MessageCreated) -> None:
        order.append("handler")

    async with Playground(dispatcher) as chat:
        await chat.say(1, "hi")
        await chat.settled()

    assert order == ["outer", "inner", "handler"]
    assert callable(outer)
    assert callable(inner)


async def test_middlewares_wrap_handlers_from_the_outside_in() -> None:
    order: list[str] = []
    dispatcher, router = Dispatcher(), Router()
    dispatcher.include_router(router)
    dispatcher.update.outer_middleware(writing(order, "update"))
    dispatcher.message.outer_middleware(writing(order, "outer"))
    dispatcher.message.middleware(writing(order, "a"))
    router.message.outer_middleware(writing(order, "router outer"))
    router.message.middleware(writing(order, "b"))
    router.message.middleware(writing(order, "c"))
    router.message.register(noting(order, "handler"))

    await play(dispatcher, "x")

    assert order == [
        "update(",
        "outer(",
        "router outer(",
        "a(",
        "b(",
        "c(",
        "handler",
        ")c",
        ")b",
        ")a",
        ")router outer",
        ")outer",
        ")update",
    ]


async def test_inner_middlewares_run_only_where_a_handler_is_found() -> None:
    order: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.message.outer_middleware(writing(order, "outer"))
    dispatcher.message.middleware(writing(order, "inner"))
    dispatcher.message.register(noting(order, "handler"), F.text == "yes")

    await play(dispatcher, "no")

    assert order == ["outer(", ")outer"]


async def test_a_middleware_that_stops_an_update_keeps_it_from_others() -> None:
    notes: list[str] = []
    dispatcher, first, second = Dispatcher(), Router(), Router()
    dispatcher.include_routers(first, second)

    async def stop(_handler: NextHandler, _event: Json, _data: HandlerData) -> Json:
        return None

    first.message.middleware(stop)
    first.message.register(noting(notes, "first"))
    second.message.register(noting(notes, "second"))

    await play(dispatcher, "x")

    assert notes == []


async def test_a_middleware_provides_what_handlers_ask_for() -> None:
    got: list[object] = []
    dispatcher = Dispatcher()

    @dispatcher.message.middleware
    async def provide(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        data["db"] = "the database"
        return await handler(event, data)

    @dispatcher.message()
    async def handler(_: MessageCreated, db: str) -> None:
        got.append(db)

    await play(dispatcher, "x")

    assert got == ["the database"]


def test_an_ellipsis_stands_for_a_middleware_to_be_written() -> None:
    dispatcher = Dispatcher()

    dispatcher.message.middleware(...)
    dispatcher.message.outer_middleware(...)

    assert dispatcher.message.middlewares == []
    assert dispatcher.message.outer_middlewares == []


def test_a_middleware_must_be_callable() -> None:
    with pytest.raises(RouterError, match="'nonsense' is no middleware of message"):
        Router().message.middleware("nonsense")  # type: ignore[call-overload]  # that is the mistake


async def test_filters_may_be_functions_async_or_not_and_may_ask_for_data() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher(magic_word="sesame")

    def is_short(event: MessageCreated) -> bool:
        return len(event.text) < 10

    async def knows(event: MessageCreated, magic_word: str) -> bool:
        return magic_word in event.text

    dispatcher.message.register(noting(notes, "open"), is_short, knows)

    await play(dispatcher, "sesame", "sesame, please", "hello")

    assert notes == ["open"]


async def test_a_plain_function_that_returns_an_awaitable_is_a_filter_too() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()

    async def later(text: str) -> bool:
        return text == "yes"

    dispatcher.message.register(noting(notes, "open"), lambda event: later(event.text))

    await play(dispatcher, "yes", "no")

    assert notes == ["open"]


async def test_a_filter_that_returns_a_dict_adds_it_to_the_data() -> None:
    got: list[str] = []
    dispatcher = Dispatcher()

    def words(event: MessageCreated) -> dict[str, object]:
        first, _, rest = event.text.partition(" ")
        return {"first": first, "rest": rest} if rest else {}

    @dispatcher.message(words)
    async def two(_: MessageCreated, first: str, rest: str) -> None:
        got.append(f"{first}-{rest}")

    await play(dispatcher, "a b", "c")

    assert got == ["a-b"]


def test_a_filter_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(RouterError, match="'text' is no filter"):
        Router().message.register(noting([], ""), "text")  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/help", CommandObject("/", "help", None)),
        ("/help me now ", CommandObject("/", "help", "me now")),
        ("/help@my_bot x", CommandObject("/", "help", "x")),
        ("!h", CommandObject("!", "h", None)),
        ("/help\nme\nnow\n", CommandObject("/", "help", "me\nnow")),
    ],
)
async def test_a_command_is_split_and_handed_over(
    text: str, command: CommandObject
) -> None:
    got: list[CommandObject] = []
    dispatcher = Dispatcher()

    @dispatcher.message(Command("help", "/h", prefix="/!"))
    async def handler(_: MessageCreated, command: CommandObject) -> None:
        got.append(command)

    await play(dispatcher, text)

    assert got == [command]


@pytest.mark.parametrize(
    "text",
    ["help", "", "/", "/helper", "/ help", "/\nhelp", "/@help", "/HELP", "x /help"],
)
async def test_other_texts_are_not_the_command(text: str) -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.message.register(noting(notes, "help"), Command("help"))

    await play(dispatcher, text)

    assert notes == []


async def test_a_command_may_ignore_case() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.message.register(noting(notes, "start"), CommandStart(ignore_case=True))

    await play(dispatcher, "/START deep", "/start", "/stop")

    assert notes == ["start", "start"]


async def test_the_press_on_start_is_taken_as_the_command_with_its_payload() -> None:
    taken: list[tuple[str, str, str | None]] = []
    dispatcher, below = Dispatcher(), Router()
    dispatcher.include_router(below)

    @below.message(CommandStart())
    async def start(event: BotStarted | MessageCreated, command: CommandObject) -> None:
        taken.append((type(event).__name__, event.text, command.args))

    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start now")
        await chat.happen("bot_started", 2, payload="promo")
        await chat.happen("bot_started", 3)
        await chat.settled()

    assert sorted(taken) == [
        ("BotStarted", "/start", None),
        ("BotStarted", "/start promo", "promo"),
        ("MessageCreated", "/start now", "now"),
    ]
    assert dispatcher.used_events() == {"bot_started", "message"}


async def test_a_handler_of_the_press_on_start_comes_before_the_command() -> None:
    notes: list[str] = []
    dispatcher, below = Dispatcher(), Router()
    dispatcher.include_router(below)
    dispatcher.message.register(noting(notes, "command"), CommandStart())
    below.bot_started.register(noting(notes, "press"))

    async with Playground(dispatcher) as chat:
        await chat.happen("bot_started", 1)
        await chat.settled()

    assert notes == ["press"]


async def test_the_press_on_start_reaches_no_other_handler_of_messages() -> None:
    notes: list[str] = []
    dispatcher = Dispatcher()
    dispatcher.message.register(noting(notes, "any"))
    dispatcher.message.register(noting(notes, "help"), Command("help"))

    async with Playground(dispatcher) as chat:
        await chat.happen("bot_started", 1)
        await chat.settled()

    assert notes == []
    assert dispatcher.used_events() == {"message"}


def test_a_command_needs_a_name() -> None:
    with pytest.raises(RouterError, match="Command\\(\\) needs a name"):
        Command()


async def test_an_error_handler_hears_of_a_failed_turn() -> None:
    heard: list[ErrorEvent] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def broken(event: MessageCreated) -> None:
        raise LookupError(event.text)

    @dispatcher.error(F.exception.args[0] == "oops")
    async def handler(event: ErrorEvent) -> None:
        heard.append(event)

    await play(dispatcher, "oops")

    (event,) = heard
    assert isinstance(event.update, MessageCreated)
    assert event.exception.args == ("oops",)
    assert (event.chat_id, event.user_id) == (1, 1)


async def test_what_a_router_found_for_an_event_it_did_not_take_is_gone() -> None:
    seen: list[tuple[str, str]] = []
    dispatcher, admins, others = Dispatcher(), Router(), Router()
    dispatcher.include_routers(admins, others)

    async def open_session(
        handler: NextHandler, event: Json, data: HandlerData
    ) -> Json:
        data["session"] = "closed afterwards"
        return await handler(event, data)

    async def find_role(_: MessageCreated) -> dict[str, str]:
        return {"role": "admin"}

    admins.message.outer_middleware(open_session)
    admins.message.filter(find_role)

    @others.message()
    async def handler(
        _: MessageCreated, role: str = "nobody", session: str = "none"
    ) -> None:
        seen.append((role, session))

    await play(dispatcher, "x")

    assert seen == [("nobody", "none")]


async def test_a_command_may_ask_for_more_by_a_magic_filter() -> None:
    got: list[tuple[CommandObject, object]] = []
    dispatcher = Dispatcher()
    number = F.args.regexp(r"(?P<number>\d+)").groupdict()

    @dispatcher.message(Command("page", magic=number))
    async def page(_: MessageCreated, command: CommandObject, number: str) -> None:
        got.append((command, number))

    await play(dispatcher, "/page x", "/page", "/page 7")

    assert got == [(CommandObject("/", "page", "7", {"number": "7"}), "7")]


async def test_a_deep_link_may_be_asked_for_and_decoded() -> None:
    got: list[tuple[str, str | None]] = []
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart(deep_link=True, deep_link_encoded=True))
    async def linked(_: Update, command: CommandObject) -> None:
        got.append(("link", command.args))

    @dispatcher.message(CommandStart())
    async def start(_: Update, command: CommandObject) -> None:
        got.append(("start", command.args))

    async with Playground(dispatcher) as chat:
        for payload in (None, "cHJvbW8_fg", "no base64!"):
            await chat.happen("bot_started", 1, payload=payload)
        await chat.say(1, "/start cHJvbW8_fg==")
        await chat.settled()

    assert got == [
        ("start", None),
        ("link", "promo?~"),
        ("start", "no base64!"),
        ("link", "promo?~"),
    ]


async def test_error_handlers_choose_by_the_class_of_the_error() -> None:
    got: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.errors(ExceptionTypeFilter(LookupError, ArithmeticError))
    async def known(event: ErrorEvent) -> None:
        got.append(f"known {event.exception!r}")

    @dispatcher.error()
    async def rest(event: ErrorEvent) -> None:
        got.append(f"rest {event.exception!r}")

    @dispatcher.message()
    async def fail(event: MessageCreated) -> None:
        raise KeyError(1) if event.text == "key" else OSError(2)

    await play(dispatcher, "key", "file")

    assert got == ["known KeyError(1)", "rest OSError(2)"]


@pytest.mark.parametrize("given", [(), ("ValueError",), (ValueError(),)])
def test_an_error_filter_takes_classes_of_exceptions(given: tuple[Json, ...]) -> None:
    with pytest.raises(RouterError, match="ValueError"):
        ExceptionTypeFilter(*given)


def test_the_magic_of_a_command_must_be_a_magic_filter() -> None:
    with pytest.raises(RouterError, match="no magic filter"):
        Command("x", magic="args")  # type: ignore[arg-type]  # that is the mistake
