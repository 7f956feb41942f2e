"""Widgets that render text."""

from __future__ import annotations

import pytest
from magic_filter import F

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets import Widget, WidgetData
from duologue.dialogs.widgets.text import Const, Format, Multi, Text
from duologue.errors import ViewError, WidgetError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


async def text_of(*texts: Text | str, **data: object) -> str:
    """Open a window with these texts and look at the screen."""
    dispatcher = Dispatcher()
    dispatcher.include_router(Dialog(Window(*texts, state=Main.one, getter=data)))
    async with Playground(dispatcher) as chat:
        receipt = await chat.dialog(1).start(Main.one)
        await receipt.drawn()
        return chat.screen(1).text


async def test_a_const_is_shown_as_it_is() -> None:
    assert await text_of(Const("{not} a field")) == "{not} a field"


async def test_a_format_is_filled_with_data() -> None:
    assert (
        await text_of(Format("Hi, {name}: {n:03}"), name="Ann", n=7) == "Hi, Ann: 007"
    )


async def test_a_string_in_a_window_is_a_format() -> None:
    assert await text_of("Hi, {name}", name="Ann") == "Hi, Ann"


async def test_a_format_sees_the_data_of_the_dialog_and_the_event() -> None:
    text = await text_of("{dialog_data} {start_data} {event.chat_id}")

    assert text == "{} None 1"


@pytest.mark.parametrize("text", ["{nobody}", "{0}", "{name.x}", "{name:d}"])
async def test_a_format_that_cannot_be_filled_says_what_there_is(text: str) -> None:
    with pytest.raises(WidgetError) as caught:
        await text_of(Format(text), name="Ann")

    assert caught.value.widget == f"Format({text!r})"
    assert "name" in caught.value.problem
    assert "start_data" in caught.value.problem


async def test_each_text_of_a_window_begins_a_line() -> None:
    assert await text_of(Const("a"), "b", Const(""), Const("c")) == "a\nb\nc"


async def test_multi_puts_texts_on_lines_and_leaves_empty_ones_out() -> None:
    text = await text_of(Multi(Const("a"), Const(""), Const("b")))

    assert text == "a\nb"


async def test_multi_takes_another_separator() -> None:
    assert await text_of(Multi(Const("a"), Const("b"), sep=", ")) == "a, b"


async def test_texts_are_joined_with_plus() -> None:
    text = await text_of(Const("a") + Const("b") + "{x}", x="c")

    assert text == "abc"
    assert await text_of("{x}" + Const("a"), x="c") == "ca"


async def test_or_shows_the_first_text_that_is_not_empty() -> None:
    assert await text_of(Const("") | "{x}" | Const("b"), x="a") == "a"
    assert await text_of("{x}" | Const("b"), x="") == "b"
    assert await text_of(Const("x") + (Const("") | Const(""))) == "x"


def is_long(data: WidgetData, widget: Widget, manager: DialogManager) -> bool:
    assert isinstance(widget, Const)
    assert manager.has_context()
    return len(data["name"]) > 2


@pytest.mark.parametrize("when", ["name", F["name"] == "Ann", is_long])
@pytest.mark.parametrize(("name", "text"), [("Ann", "yes\n!"), ("", "!")])
async def test_a_widget_is_visible_when_its_condition_holds(
    when: str, name: str, text: str
) -> None:
    assert await text_of(Const("yes", when=when), Const("!"), name=name) == text


async def test_conditions_apply_to_format_and_multi_too() -> None:
    text = await text_of(
        Format("a", when="no"), Multi(Const("b"), when="no"), Const("c"), no=False
    )

    assert text == "c"


async def test_a_key_that_is_missing_hides_a_widget() -> None:
    assert await text_of(Const("a", when="missing"), Const("b")) == "b"


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_an_empty_text_is_refused_before_it_reaches_the_messenger(
    text: str,
) -> None:
    with pytest.raises(ViewError) as caught:
        await text_of(Const(text))

    assert caught.value.state == "Main:one"
    assert "empty" in caught.value.problem


class Shout(Text):
    """An author's own text."""

    def __init__(self, inner: Text) -> None:
        super().__init__()
        self.inner = inner

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        return (await self.inner.render_text(data, manager)).upper()


async def test_authors_write_texts_of_their_own() -> None:
    assert await text_of(Shout(Format("{x}")) + "!", x="hey") == "HEY!"


async def test_a_text_that_does_not_say_what_it_shows_is_a_mistake() -> None:
    with pytest.raises(NotImplementedError):
        await text_of(Text())
