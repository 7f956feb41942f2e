"""Messages of other programs: handled in the mailbox of a dialog, once, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from magic_filter import F

from duologue.actors._engine._timed import wall_time
from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    ErrorEvent,
    MessageTold,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs._delivery._told import ToldDialogs
from duologue.dialogs.routing import HandlerData, NextHandler, Router
from duologue.dialogs.widgets.text import Format
from duologue.errors import (
    DuologueError,
    MailboxFullError,
    MessageClassError,
    MessageExpiredError,
    MessageShapeError,
    MessageUntakenError,
    NoContextError,
    UnknownMessageError,
    UnknownRefError,
    UnknownStateError,
)
from duologue.messages import Event, Ref, dump
from duologue.messages._recipients import Result
from duologue.testing import Playground
from duologue.transport.sqlite import SqliteEngine
from tests.messages.shop import Cart, GetCart, OrderPaid

HERE = Ref("dialog", "test.1:1:1")


class Shop(StatesGroup):
    cart = State()
    paid = State()


def shop() -> Dispatcher:
    """A shop that is told of payments and asked for carts."""
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(Format("cart {dialog_data}"), state=Shop.cart),
            Window(Format("paid {dialog_data}"), state=Shop.paid),
        )
    )

    @dispatcher.told(OrderPaid, F.order < 0)
    async def fail(order: OrderPaid) -> None:
        raise ValueError(order.order)

    @dispatcher.told(OrderPaid, needs_dialog=True)
    async def paid(order: OrderPaid, manager: DialogManager) -> None:
        orders = [*manager.dialog_data.get("orders", ()), order.order]
        await manager.update({"orders": orders})

    @dispatcher.asked(GetCart, needs_dialog=True)
    async def cart(_: GetCart, manager: DialogManager) -> Cart:
        return Cart([str(order) for order in manager.dialog_data.get("orders", ())])

    return dispatcher


def told(chat: Playground, *, strangers: bool = False) -> ToldDialogs:
    return chat.runtime._parts().conversations.told(strangers=strangers)


def event(
    number: int = 1, *, tag: str = "", data: object = None, **more: Json
) -> Event:
    if not tag:
        tag, data = dump(OrderPaid(number, Decimal("1.50")))
    given: Mapping[str, Json] = {"id": str(number), **more}
    return Event(source="//shop", type=tag, subject=HERE, data=data, **given)


def call(name: str, **data: object) -> Event:
    return event(
        tag=f"duologue.{name}.v1", data=data, id=f"{name}{sorted(data.items())}"
    )


async def outcome(target: ToldDialogs, sent: Event, *, asked: bool = False) -> Result:
    target.check(sent, asked=asked)
    answer = await target.send(sent, asked=asked)
    return await answer


async def asked(target: ToldDialogs) -> object:
    tag, data = dump(GetCart())
    return (await outcome(target, event(tag=tag, data=data), asked=True)).data


async def open_shop(chat: Playground) -> ToldDialogs:
    await (await chat.dialog(1).start(Shop.cart)).drawn()
    return told(chat)


async def test_a_handler_is_given_the_message_and_the_manager_of_a_turn() -> None:
    async with Playground(shop()) as chat:
        target = await open_shop(chat)

        answer = await outcome(target, event(7))
        await chat.settled()

        assert answer.status == "committed"
        assert chat.screen(1).text == "cart {'orders': [7]}"
        assert chat.counts.of("messages_told", outcome="handled") == 1


async def test_messages_are_handled_once_and_in_their_order() -> None:
    async with Playground(shop()) as chat:
        target = await open_shop(chat)

        await target.tell([event(n) for n in (3, 1, 3, 2)])
        await target.tell([event(1)])
        again = await outcome(target, event(2))

        assert await asked(target) == {"items": ["3", "1", "2"]}
        assert again == Result("duplicate")
        assert chat.counts.of("messages_told", outcome="duplicate") == 3


async def test_the_128_newest_messages_are_known_whatever_the_messenger_brings() -> (
    None
):
    async with Playground(shop()) as chat:
        target = await open_shop(chat)

        for number in range(1, 129):
            await target.tell([event(number)])
            await chat.say(1, "text")
        assert (await outcome(target, event(1))).status == "duplicate"
        await target.tell([event(129)])

        assert (await outcome(target, event(1))).status == "committed"


async def test_the_same_id_of_another_source_is_another_message() -> None:
    async with Playground(shop()) as chat:
        target = await open_shop(chat)

        await target.tell([event(1)])

        other = await outcome(target, replace(event(1), source="//bank"))
        assert other.status == "committed"


async def test_an_ask_is_answered_by_what_the_handler_returns() -> None:
    async with Playground(shop()) as chat:
        target = await open_shop(chat)
        await target.tell([event(7)])
        question = event(tag="shop.get_cart.v1", data={})

        first = await outcome(target, question, asked=True)
        second = await outcome(target, question, asked=True)

        assert (first.status, first.type) == ("answered", "shop.cart.v1")
        assert first.data == second.data == {"items": ["7"]}


async def test_plain_json_is_an_answer_too_and_what_is_none_fails_the_turn() -> None:
    dispatcher = Dispatcher()
    answers: list[object] = [{"a": [1]}, None, object()]

    @dispatcher.asked(GetCart)
    async def cart(_: GetCart) -> object:
        return answers.pop(0)

    async with Playground(dispatcher) as chat:
        target = told(chat, strangers=True)

        assert await asked(target) == {"a": [1]}
        assert await asked(target) is None
        with pytest.raises(MessageShapeError):
            await asked(target)


async def test_what_an_ask_writes_is_kept() -> None:
    dispatcher = shop()

    @dispatcher.asked(OrderPaid)
    async def count(order: OrderPaid, manager: DialogManager) -> int:
        manager.dialog_data["asked"] = order.order
        return order.order

    async with Playground(dispatcher) as chat:
        target = await open_shop(chat)

        await outcome(target, event(5), asked=True)
        await outcome(target, event(7))
        await chat.settled()

        assert chat.screen(1).text == "cart {'asked': 5, 'orders': [7]}"


async def test_a_message_whose_time_is_over_before_its_turn_is_dropped() -> None:
    async with Playground(shop()) as chat:
        target = await open_shop(chat)
        past = datetime.fromtimestamp(wall_time() - 1, UTC)

        with pytest.raises(MessageExpiredError):
            await outcome(target, event(1, expires=past))
        await outcome(target, event(2, expires=past + timedelta(minutes=1)))

        assert await asked(target) == {"items": ["2"]}
        assert chat.counts.of("messages_told", outcome="expired") == 1
        assert not chat.engine.dead_letters()


async def test_where_no_dialog_is_open_the_sender_hears_of_it() -> None:
    async with Playground(shop()) as chat:
        await chat.say(1, "hello")
        await chat.settled()
        target = told(chat)

        with pytest.raises(NoContextError):
            await outcome(target, event(1))
        with pytest.raises(NoContextError):
            await asked(target)
        with pytest.raises(NoContextError):
            await outcome(target, call("update", data={"n": 1}))

        assert not chat.engine.dead_letters()
        assert (await outcome(target, call("start", state="Shop:cart"))).version
        assert (await outcome(target, event(1))).status == "committed"


async def test_a_handler_that_needs_no_dialog_may_open_one() -> None:
    dispatcher = shop()
    other = Router("other")
    dispatcher.include_router(other)

    @other.told(OrderPaid)
    async def paid(order: OrderPaid, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Shop.paid, order.order)

    async with Playground(dispatcher) as chat:
        await outcome(told(chat, strangers=True), event(1))
        await chat.settled()

        assert chat.screen(1).text == "paid {}"


async def test_filters_decide_and_what_they_leave_is_told() -> None:
    dispatcher = shop()
    strict = Router()
    dispatcher.include_router(strict)
    strict.told.filter(F.order == 1)

    @strict.asked(OrderPaid, F.order == 1)
    async def check(_: OrderPaid) -> str:
        return "one"

    async with Playground(dispatcher) as chat:
        target = await open_shop(chat)

        assert (await outcome(target, event(1), asked=True)).data == "one"
        with pytest.raises(MessageUntakenError):
            await outcome(target, event(2), asked=True)


@pytest.mark.parametrize(
    ("sent", "is_asked", "error"),
    [
        (event(tag="shop.unknown.v1"), False, UnknownMessageError),
        (event(tag="shop.get_cart.v1", data={}), False, UnknownMessageError),
        (event(tag="duologue.done.v1", data={}), True, UnknownMessageError),
        (
            event(tag="shop.order_paid.v1", data={"order": "1"}),
            False,
            MessageShapeError,
        ),
        (call("start", state="Shop:lost"), False, UnknownStateError),
        (call("start", state="Shop:cart", mode="?"), False, MessageShapeError),
        (call("done", show_mode="?"), False, MessageShapeError),
        (replace(event(), subject=Ref("dialog", "test.1")), False, UnknownRefError),
        (
            replace(event(), subject=Ref("dialog", "test.1:01:1")),
            False,
            UnknownRefError,
        ),
        (replace(event(), subject=Ref("Cart", "1")), False, UnknownRefError),
    ],
)
async def test_what_nobody_takes_is_refused_before_it_is_accepted(
    sent: Event,
    is_asked: bool,  # noqa: FBT001  # of the table
    error: type[DuologueError],
) -> None:
    async with Playground(shop()) as chat:
        with pytest.raises(error):
            told(chat).check(sent, asked=is_asked)


async def test_the_four_calls_do_what_those_of_a_background_manager_do() -> None:
    async with Playground(shop()) as chat:
        target = told(chat, strangers=True)
        steps = [
            (call("start", state="Shop:cart", data={"n": 1}), "cart {}"),
            (call("update", data={"n": 2}), "cart {'n': 2}"),
            (call("switch_to", state="Shop:paid"), "paid {'n': 2}"),
            (call("start", state="Shop:cart", mode="reset_stack"), "cart {}"),
        ]
        for step, text in steps:
            assert (await outcome(target, step)).status == "committed"
            await chat.settled()
            assert chat.screen(1).text == text
        await outcome(target, call("done", result=1))

        with pytest.raises(NoContextError):
            await outcome(target, event(9))


async def test_a_failed_message_is_a_dead_letter_and_is_not_tried_again() -> None:
    async with Playground(shop()) as chat:
        target = await open_shop(chat)

        with pytest.raises(ValueError, match="-1"):
            await outcome(target, event(-1))
        again = await outcome(target, event(-1))

        assert again.status == "duplicate"
        assert len(chat.engine.dead_letters()) == 1
        assert len(chat.bot.calls) == 1  # the user is told nothing


async def test_handlers_of_errors_and_middlewares_see_the_message() -> None:
    dispatcher = shop()
    seen: list[object] = []

    @dispatcher.update.outer_middleware()
    async def note(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        seen.append(event)
        return await handler(event, data)

    @dispatcher.told.middleware
    async def pass_on(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        seen.append(event)
        return await handler(event, data)

    @dispatcher.told.outer_middleware
    async def wrap(handler: NextHandler, event: Json, data: HandlerData) -> Json:
        return await handler(event, data)

    @dispatcher.error()
    async def failed(event: ErrorEvent) -> None:
        seen.append(event.update)

    async with Playground(dispatcher) as chat:
        target = await open_shop(chat)

        await outcome(target, event(7))
        with pytest.raises(ValueError, match="-2"):
            await outcome(target, event(-2))
        assert (await outcome(target, event(-2))).status == "duplicate"

    first, inner, _, _, last = seen
    assert isinstance(first, MessageTold)
    assert isinstance(last, MessageTold)
    assert first.message == inner == OrderPaid(7, Decimal("1.50"))
    assert (first.source, first.tag, first.is_asked) == (
        "//shop",
        "shop.order_paid.v1",
        False,
    )


async def test_where_the_bot_has_met_nobody_nothing_is_sent() -> None:
    async with Playground(shop()) as chat:
        with pytest.raises(UnknownRefError, match="never met"):
            await told(chat).tell([event(1)])
        with pytest.raises(UnknownRefError):
            _answer = await told(chat).send(event(1), asked=False)


async def test_mail_of_a_bot_that_is_not_connected_waits_within_bounds() -> None:
    async with Playground(shop()) as chat:
        target = told(chat)
        absent = replace(event(1), subject=Ref("dialog", "test.2:1:1"))

        await target.tell([absent] * 1000)

        assert chat.engine.waiting() == 1000
        with pytest.raises(MailboxFullError):
            await target.tell([absent])

        # A thousand other bots is the end of it, too.
        for number in range(3, 1002):
            other = Ref("dialog", f"test.{number}:1:1")
            await target.tell([replace(absent, subject=other)])
        with pytest.raises(MailboxFullError):
            await target.tell([replace(absent, subject=Ref("dialog", "test.0:1:1"))])


@pytest.mark.real_time
async def test_mail_that_another_process_has_accepted_counts_too(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    absent = replace(event(1), subject=Ref("dialog", "test.2:1:1"))
    async with Playground(shop(), engine=SqliteEngine(path)) as chat:
        await told(chat).tell([absent] * 1000)

    async with Playground(shop(), engine=SqliteEngine(path)) as chat:
        with pytest.raises(MailboxFullError):
            await told(chat).tell([absent])


@pytest.mark.real_time
async def test_messages_are_known_and_wait_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with Playground(shop(), engine=SqliteEngine(path)) as chat:
        target = await open_shop(chat)
        await outcome(target, event(1))

    async with Playground(shop(), engine=SqliteEngine(path)) as chat:
        target = told(chat)
        assert (await outcome(target, event(1))).status == "duplicate"
        await target.tell([event(2)])
        assert await asked(target) == {"items": ["1", "2"]}


def test_a_handler_is_for_a_class_of_messages() -> None:
    dispatcher = Dispatcher()

    with pytest.raises(MessageClassError):
        dispatcher.told(int)
    with pytest.raises(MessageClassError):

        @dispatcher.told  # type: ignore[arg-type]  # what a newcomer writes
        async def paid(order: OrderPaid) -> None: ...
