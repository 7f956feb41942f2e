"""Keyboards with a button for each of several items."""

from __future__ import annotations

import enum
import re
from decimal import Decimal
from operator import itemgetter
from uuid import UUID

import pytest
from hypothesis import example, given, strategies as st
from magic_filter import F

from duologue.actors.testing import VirtualClock
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    Dispatcher,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.kbd import (
    Cancel,
    Column,
    Group,
    Keyboard,
    ManagedRadio,
    Next,
    Radio,
    Select,
)
from duologue.dialogs.widgets.text import Const, Format
from duologue.errors import (
    InvalidItemIdError,
    ItemsError,
    WidgetError,
)
from duologue.testing import Playground

FRUITS = [("Apple", 1), ("Pear", 2), ("Plum", 3)]


class Main(StatesGroup):
    one = State()
    two = State()


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def playground(*keyboards: Keyboard, **data: object) -> Playground:
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(Const("one"), *keyboards, state=Main.one, getter=data),
            Window(Const("two"), state=Main.two),
        )
    )
    return Playground(dispatcher)


def select(**options: Json) -> Select[Json]:
    given: dict[str, Json] = {
        "text": Format("{item[0]}"),
        "id": "s",
        "item_id_getter": itemgetter(1),
        "items": FRUITS,
        **options,
    }
    return Select(**given)


def radio(**options: Json) -> Radio[Json]:
    given: dict[str, Json] = {
        "checked_text": Format("({item[0]})"),
        "unchecked_text": Format("{item[0]}"),
        "id": "r",
        "item_id_getter": itemgetter(1),
        "items": FRUITS,
        "type_factory": int,
        **options,
    }
    return Radio(**given)


async def opened(chat: Playground) -> None:
    await (await chat.dialog(1).start(Main.one)).drawn()


async def clicked(chat: Playground, label: str) -> tuple[tuple[str, ...], ...]:
    await chat.click(1, label)
    await chat.settled()
    return chat.screen(1).labels


async def labels(keyboard: Keyboard, **data: object) -> tuple[tuple[str, ...], ...]:
    async with playground(keyboard, **data) as chat:
        await opened(chat)
        return chat.screen(1).labels


@pytest.mark.parametrize(
    "items",
    [
        "fruits",
        F["fruits"],
        F["shop"]["fruits"],
        lambda data: data["fruits"],
        itemgetter("fruits"),
        FRUITS,
        iter(FRUITS),
    ],
)
async def test_items_come_from_a_key_a_filter_a_function_or_a_list(items: Json) -> None:
    rows = await labels(select(items=items), fruits=FRUITS, shop={"fruits": FRUITS})

    assert rows == (("Apple", "Pear", "Plum"),)


async def test_the_members_of_an_enumeration_are_items() -> None:
    chosen: list[Colour] = []

    async def on_click(*call: Json) -> None:
        chosen.append(call[-1])

    keyboard = select(
        text=Format("{item.name}"),
        items=Colour,
        item_id_getter=lambda colour: colour.value,
        type_factory=Colour,
        on_click=on_click,
    )
    async with playground(keyboard) as chat:
        await opened(chat)
        await clicked(chat, "BLUE")

    assert chosen == [Colour.BLUE]


async def test_the_label_of_an_item_sees_its_position_and_all_data() -> None:
    text = Format("{pos0}/{pos}: {item[0]}, {data[price]}")

    rows = await labels(Column(select(text=text, items=FRUITS[:2])), price=7)

    assert rows == (("0/1: Apple, 7",), ("1/2: Pear, 7",))


async def test_no_items_make_no_row() -> None:
    assert await labels(Group(select(items=[]), Cancel())) == (("Cancel",),)
    assert await labels(Group(select(items=[]), Cancel(), width=2)) == (("Cancel",),)


async def test_a_press_gives_the_id_of_its_item_to_on_click() -> None:
    calls: list[Json] = []

    async def on_click(
        event: Callback, widget: Select[int], manager: DialogManager, item_id: int
    ) -> None:
        assert event is manager.event
        calls.append((event.user_id, widget.widget_id, item_id))

    async with playground(select(type_factory=int, on_click=on_click)) as chat:
        await opened(chat)
        await clicked(chat, "Pear")
        await clicked(chat, "Apple")

    assert calls == [(1, "s", 2), (1, "s", 1)]


async def test_a_magic_filter_gives_the_ids_of_items() -> None:
    pressed: list[str] = []

    async def note(_: Callback, __: object, ___: object, item_id: str) -> None:
        pressed.append(item_id)

    fruits = Select[str](Format("{item[0]}"), "fruit", F[1], FRUITS, on_click=note)
    async with playground(fruits) as chat:
        await (await chat.dialog(1).start(Main.one)).drawn()
        await chat.click(1, "Pear")
        await chat.settled()

    assert pressed == ["2"]


async def test_ids_are_text_by_default_and_may_hold_colons() -> None:
    ids: list[str] = []

    async def on_click(*call: Json) -> None:
        ids.append(call[-1])

    keyboard = select(
        items=["a:b", "", "ü"],
        text=Format("<{item}>"),
        item_id_getter=str,
        on_click=on_click,
    )
    async with playground(keyboard) as chat:
        await opened(chat)
        for label in ("<a:b>", "<>", "<ü>"):
            await clicked(chat, label)

    assert ids == ["a:b", "", "ü"]


async def test_a_moving_widget_stands_in_for_on_click() -> None:
    async with playground(select(on_click=Next())) as chat:
        await opened(chat)
        await clicked(chat, "Pear")

        assert chat.screen(1).text == "two"


async def test_an_item_that_has_left_the_items_is_still_delivered() -> None:
    fruits = list(FRUITS)
    ids: list[str] = []

    async def on_click(*call: Json) -> None:
        ids.append(call[-1])

    async with playground(
        select(items=lambda _: fruits, on_click=on_click), radio(items=lambda _: fruits)
    ) as chat:
        await opened(chat)
        payload = chat.screen(1).payload_of("Plum") or ""
        del fruits[2]
        await chat.press(1, payload, message_id=chat.screen(1).id)
        await chat.settled()

        assert chat.screen(1).labels == (("Apple", "Pear"), ("Apple", "Pear"))

    assert ids == ["3"]


async def test_an_item_that_was_not_drawn_cannot_be_pressed() -> None:
    ids: list[str] = []

    async def on_click(*call: Json) -> None:
        ids.append(call[-1])

    async with playground(select(on_click=on_click)) as chat:
        await opened(chat)
        payload = chat.screen(1).payload_of("Plum") or ""
        await chat.press(1, payload[:-1] + "4", message_id=chat.screen(1).id)
        await chat.settled()

        assert chat.counts.of("turns", "refused") == 1

    assert ids == []


@pytest.mark.parametrize("item", ["a\nb", "\x00", "half \ud83d"])
async def test_an_id_that_no_payload_carries_is_refused(item: str) -> None:
    with pytest.raises(InvalidItemIdError) as caught:
        await labels(select(items=[item], text=Const("x"), item_id_getter=str))

    assert caught.value.widget == "s"
    assert repr(item) in caught.value.problem


async def test_items_may_have_uuids_and_handlers_get_them_whole() -> None:
    fruits = {UUID(int=number): name for name, number in FRUITS}
    ids: list[UUID] = []

    async def on_click(*call: Json) -> None:
        ids.append(call[-1])

    keyboards = [
        select(
            id=name,
            items=list(fruits),
            text=Format(f"{name} {{item.int}}"),
            item_id_getter=str,
            type_factory=UUID,
            on_click=on_click,
        )
        for name in ("first_choice", "second_choice")
    ]
    async with playground(*keyboards) as chat:
        await opened(chat)
        shown = [chat.screen(1).payload_of(f"{k.widget_id} 2") for k in keyboards]
        await clicked(chat, "first_choice 2")
        await clicked(chat, "second_choice 3")

    assert ids == [UUID(int=2), UUID(int=3)]
    assert all(len(payload or "") == 45 for payload in shown)
    assert len(set(shown)) == 2


async def test_a_digest_of_what_was_not_drawn_is_refused() -> None:
    keyboard = select(items=["i" * 99], text=Const("x"), item_id_getter=str)

    async with playground(keyboard) as chat:
        await opened(chat)
        payload = chat.screen(1).payload_of("x") or ""
        forged = payload[:-1] + ("b" if payload[-1] == "a" else "a")
        await chat.press(1, forged, message_id=chat.screen(1).id)
        await chat.settled()

        assert chat.counts.of("turns", "refused") == 1


@given(item=st.text(st.characters(codec=None), max_size=42))
@example(item="~" + "a" * 20)
@example(item="a:b:c")
@example(item="x" * 38)
@example(item="x" * 39)
def test_any_id_comes_back_as_it_was_unless_it_holds_what_no_payload_carries(
    item: str,
) -> None:
    ids: list[str] = []

    async def on_click(*call: Json) -> None:
        ids.append(call[-1])

    async def press() -> None:
        keyboard = select(
            items=[item], text=Const("x"), item_id_getter=str, on_click=on_click
        )
        async with playground(keyboard) as chat:
            await opened(chat)
            await clicked(chat, "x")

    is_odd = re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", item) is not None
    if is_odd:
        with pytest.raises(InvalidItemIdError):
            VirtualClock().run(press())
    else:
        VirtualClock().run(press())

    assert ids == ([] if is_odd else [item])


@pytest.mark.parametrize("make", [select, radio], ids=["select", "radio"])
async def test_two_items_of_one_id_are_refused_with_both(make: Json) -> None:
    items = [("Apple", 1), ("Pear", 2), ("Plum", "1")]

    with pytest.raises(ItemsError) as caught:
        await labels(make(items=items))

    assert "('Apple', 1) and ('Plum', '1') have the same id '1'" in caught.value.problem


async def test_an_item_needs_an_id() -> None:
    with pytest.raises(ItemsError, match=r"gave None for \('Apple', 1\); each item"):
        await labels(select(item_id_getter=lambda _: None))


@pytest.mark.parametrize("items", ["missing", F["missing"], lambda _: 5])
async def test_what_is_no_list_of_items_is_refused_with_what_there_is(
    items: Json,
) -> None:
    with pytest.raises(ItemsError, match=r"and not a list; the getters gave: .*fruits"):
        await labels(select(items=items), fruits=FRUITS)


@pytest.mark.parametrize("factory", [int, Decimal, {}.__getitem__])
async def test_a_type_that_does_not_take_the_ids_is_named(factory: Json) -> None:
    keyboard = select(item_id_getter=itemgetter(0), type_factory=factory)
    async with playground(keyboard) as chat:
        await opened(chat)
        await clicked(chat, "Plum")
        (error,) = chat.take_errors()

    assert isinstance(error, InvalidItemIdError)
    assert "makes nothing of the id 'Plum'" in error.problem


async def test_a_radio_shows_the_item_pressed_last() -> None:
    async with playground(radio()) as chat:
        await opened(chat)

        assert chat.screen(1).labels == (("Apple", "Pear", "Plum"),)
        assert await clicked(chat, "Pear") == (("Apple", "(Pear)", "Plum"),)
        assert await clicked(chat, "Plum") == (("Apple", "Pear", "(Plum)"),)
        assert await clicked(chat, "(Plum)") == (("Apple", "Pear", "(Plum)"),)


async def test_a_radio_calls_on_click_before_and_on_state_changed_after_a_change() -> (
    None
):
    calls: list[Json] = []

    async def on_click(
        event: Callback, widget: ManagedRadio[int], manager: DialogManager, item_id: int
    ) -> None:
        assert event is manager.event
        calls.append(("click", item_id, widget.get_checked()))

    async def on_changed(
        event: Callback, widget: ManagedRadio[int], manager: DialogManager, item_id: int
    ) -> None:
        assert event is manager.event
        calls.append(("changed", item_id, widget.get_checked()))

    async with playground(
        radio(on_click=on_click, on_state_changed=on_changed)
    ) as chat:
        await opened(chat)
        await clicked(chat, "Pear")
        await clicked(chat, "(Pear)")

    assert calls == [("click", 2, None), ("changed", 2, 2), ("click", 2, 2)]


async def test_code_can_check_an_item_of_a_radio() -> None:
    changes: list[int] = []

    async def on_changed(*call: Json) -> None:
        changes.append(call[-1])

    async with playground(radio(on_state_changed=on_changed)) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            found: Json = manager.find("r")
            before = found.get_checked()
            await found.set_checked(3)
            await found.set_checked(3)
            seen = (found.get_checked(), found.is_checked(3), found.is_checked(1))
            await manager.show()
        await chat.settled()

        assert chat.screen(1).labels == (("Apple", "Pear", "(Plum)"),)

    assert (before, seen, changes) == (None, (3, True, False), [3])


@pytest.mark.parametrize(("wrong", "kind"), [("Plum", int), (None, int), (None, str)])
async def test_code_cannot_check_what_is_no_id(wrong: Json, kind: Json) -> None:
    async with playground(radio(type_factory=kind)) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            found: Json = manager.find("r")
            with pytest.raises(InvalidItemIdError):
                await found.set_checked(wrong)

            assert found.get_checked() is None


async def test_the_id_of_a_radio_survives_as_it_is_in_the_payload() -> None:
    keyboard = radio(
        checked_text=Format("({item.name})"),
        unchecked_text=Format("{item.name}"),
        items=Colour,
        item_id_getter=lambda colour: colour.value,
        type_factory=Colour,
    )
    async with playground(keyboard) as chat:
        await opened(chat)

        assert await clicked(chat, "RED") == (("(RED)", "BLUE"),)

        async with chat.dialog(1).fg() as manager:
            found: Json = manager.find("r")
            assert found.get_checked() is Colour.RED
            assert manager.current_context().widget_data == {"r": "red"}


async def test_what_another_widget_kept_is_no_checked_item() -> None:
    async with playground(radio()) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            manager.current_context().widget_data["r"] = True
            found: Json = manager.find("r")

            assert found.get_checked() is None


@pytest.mark.parametrize("make", [select, radio])
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"items": 5}, "items=5 must be a key of the data, a magic filter, a list"),
        ({"item_id_getter": "id"}, "item_id_getter='id' must be a function"),
        ({"on_click": print}, "on_click=print must be an `async def`"),
        ({"on_click": F["x"]}, "on_click=.* must be an `async def`"),
        ({"on_click": Next}, "on_click=Next must be an `async def`"),
    ],
)
def test_a_widget_of_items_that_cannot_work_is_refused(
    make: Json, options: dict[str, Json], problem: str
) -> None:
    with pytest.raises(WidgetError, match=problem):
        make(**options)


async def load(_: object) -> list[object]:
    """Stand for a function that would have to be awaited."""
    return []


@pytest.mark.parametrize("name", ["items", "item_id_getter"])
def test_items_are_not_loaded_by_async_functions(name: str) -> None:
    with pytest.raises(WidgetError, match=f"{name}=load must be"):
        select(**{name: load})


@pytest.mark.parametrize("name", ["checked_text", "unchecked_text"])
def test_the_labels_of_a_radio_are_text_widgets(name: str) -> None:
    with pytest.raises(WidgetError, match=f"{name} is 'x'"):
        radio(**{name: "x"})


def test_the_label_of_a_select_is_a_text_widget() -> None:
    with pytest.raises(WidgetError, match="text is 'x'"):
        select(text="x")


def test_the_handlers_of_a_radio_must_be_async() -> None:
    with pytest.raises(WidgetError, match="on_state_changed=print must be"):
        radio(on_state_changed=print)


def test_the_type_factory_of_a_select_is_a_function() -> None:
    with pytest.raises(WidgetError, match="type_factory='int' must be a function"):
        Select(Const("x"), "x", str, [1], type_factory="int")  # type: ignore[arg-type]  # wrong on purpose
