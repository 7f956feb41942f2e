"""A button that is on or off."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from duologue.actors.testing import VirtualClock
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    DialogUpdate,
    Dispatcher,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets.kbd import (
    Back,
    Cancel,
    Checkbox,
    Keyboard,
    ManagedCheckbox,
    Next,
    Row,
    Start,
)
from duologue.dialogs.widgets.text import Const
from duologue.errors import WidgetError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()
    two = State()


class Sub(StatesGroup):
    one = State()


def checkbox(id: str = "c", **options: Json) -> Checkbox:  # noqa: A002  # as in the widget
    return Checkbox(Const(f"{id} on"), Const(f"{id} off"), id, **options)


def playground(*keyboards: Keyboard) -> Playground:
    dispatcher = Dispatcher()
    dispatcher.include_routers(
        Dialog(
            Window(Const("text"), *keyboards, state=Main.one),
            Window(Const("two"), Back(), state=Main.two),
        ),
        Dialog(Window(Const("sub"), Cancel(), state=Sub.one)),
    )
    return Playground(dispatcher)


async def opened(chat: Playground) -> None:
    await (await chat.dialog(1).start(Main.one)).drawn()


async def clicked(chat: Playground, label: str) -> tuple[tuple[str, ...], ...]:
    await chat.click(1, label)
    await chat.settled()
    return chat.screen(1).labels


async def test_each_press_changes_a_checkbox() -> None:
    async with playground(checkbox()) as chat:
        await opened(chat)

        assert chat.screen(1).labels == (("c off",),)
        assert await clicked(chat, "c off") == (("c on",),)
        assert await clicked(chat, "c on") == (("c off",),)


async def test_a_checkbox_may_be_on_from_the_beginning() -> None:
    async with playground(checkbox(default=True)) as chat:
        await opened(chat)

        assert chat.screen(1).labels == (("c on",),)
        assert await clicked(chat, "c on") == (("c off",),)


async def test_a_checkbox_stays_as_it_is_while_other_windows_are_shown() -> None:
    async with playground(checkbox(), Next()) as chat:
        await opened(chat)
        await clicked(chat, "c off")
        await clicked(chat, "Next")

        assert await clicked(chat, "Back") == (("c on",), ("Next",))


async def test_on_click_comes_before_the_change_and_on_state_changed_after_it() -> None:
    calls: list[tuple[str, type, bool, str | None]] = []

    async def on_click(
        event: Callback, box: ManagedCheckbox, manager: DialogManager
    ) -> None:
        assert manager is box.manager
        calls.append(("click", type(event), box.is_checked(), box.widget_id))

    async def on_changed(event: Callback, box: ManagedCheckbox, _: object) -> None:
        calls.append(("changed", type(event), box.is_checked(), box.widget_id))

    async with playground(
        checkbox(on_click=on_click, on_state_changed=on_changed)
    ) as chat:
        await opened(chat)
        await clicked(chat, "c off")

    assert calls == [
        ("click", Callback, False, "c"),
        ("changed", Callback, True, "c"),
    ]


async def test_code_that_sets_a_checkbox_hears_of_changes_only() -> None:
    events: list[type] = []

    async def on_changed(event: object, *_: object) -> None:
        events.append(type(event))

    async with playground(checkbox(on_state_changed=on_changed)) as chat:
        await opened(chat)
        async with chat.dialog(1).fg() as manager:
            box: Json = manager.find("c")
            await box.set_checked(False)
            await box.set_checked(True)
            await box.set_checked(True)
            is_checked = box.is_checked()
            await manager.show()
        await chat.settled()

        assert chat.screen(1).labels == (("c on",),)

    assert is_checked
    assert events == [DialogUpdate]


@pytest.mark.parametrize("moving", [Cancel(), Start(Const("s"), "s", Sub.one)])
async def test_a_press_that_leaves_the_dialog_changes_nothing_in_another(
    moving: Keyboard,
) -> None:
    changes: list[object] = []

    async def on_changed(*call: object) -> None:
        changes.append(call)

    box = checkbox(on_click=moving, on_state_changed=on_changed)
    async with playground(
        Start(Const("again"), "again", Main.one), Row(box, id="row")
    ) as chat:
        await opened(chat)
        await clicked(chat, "again")
        await clicked(chat, "c off")
        async with chat.dialog(1).fg() as manager:
            data = dict(manager.current_context().widget_data)

    assert (changes, data) == ([], {})


@settings(max_examples=20)
@given(presses=st.lists(st.sampled_from("abc"), max_size=60))
def test_checkboxes_show_the_parity_of_their_presses(presses: list[str]) -> None:
    shown = VirtualClock().run(pressed_in_a_burst(presses))

    expected = [f"{box} {('off', 'on')[presses.count(box) % 2]}" for box in "abc"]
    assert [label for row in shown for label in row] == expected


async def test_a_thousand_presses_in_a_burst_are_all_counted() -> None:
    shown = await pressed_in_a_burst("c" * 333 + "ab" * 333 + "c")

    assert shown == (("a on", "b on", "c off"),)


async def pressed_in_a_burst(presses: str | list[str]) -> tuple[tuple[str, ...], ...]:
    async with playground(Row(*map(checkbox, "abc"))) as chat:
        await opened(chat)
        screen = chat.screen(1)
        payloads = {box: screen.payload_of(f"{box} off") or "" for box in "abc"}
        for box in presses:
            await chat.press(1, payloads[box], message_id=screen.id)
        await chat.settled()
        return chat.screen(1).labels


def plain(*_: object) -> None:
    """Stand for a function that is not async."""


@pytest.mark.parametrize("name", ["on_click", "on_state_changed"])
def test_handlers_of_a_checkbox_must_be_async(name: str) -> None:
    with pytest.raises(WidgetError, match=f"{name}=plain must be an `async def`"):
        Checkbox(Const("x"), Const("y"), "c", **{name: plain})  # type: ignore[arg-type]  # that is the mistake


def test_the_labels_of_a_checkbox_are_text_widgets() -> None:
    with pytest.raises(WidgetError, match=r"checked_text is 'x'; give `Const\('x'\)`"):
        Checkbox("x", Const("y"), "c")  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(WidgetError, match="unchecked_text is 'y'"):
        Checkbox(Const("x"), "y", "c")  # type: ignore[arg-type]  # that is the mistake
