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
from duologue.dialogs._chat._data import Json
from duologue.dialogs.widgets import Widget, WidgetData
from duologue.dialogs.widgets.text import Case, Const, Format, Multi, Text
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


@pytest.mark.parametrize(
    "text", ["{nobody}", "{0}", "{name.x}", "{name[x]}", "{name:d}"]
)
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


def is_many(data: WidgetData, widget: Widget, manager: DialogManager) -> bool:
    assert isinstance(widget, Case)
    assert manager.has_context()
    return bool(data["n"] > 1)


@pytest.mark.parametrize("selector", ["many", F["n"] > 1, is_many])
@pytest.mark.parametrize(("n", "text"), [(1, "1 apple"), (5, "5 apples")])
async def test_a_case_shows_the_text_of_a_value(
    selector: str, n: int, text: str
) -> None:
    texts: dict[object, Text] = {
        True: Format("{n} apples"),
        False: Format("{n} apple"),
    }

    assert await text_of(Case(texts, selector), n=n, many=n > 1) == text


@pytest.mark.parametrize("key", ["b", None, 5])
async def test_dots_stand_for_every_other_value_of_a_case(key: object) -> None:
    case = Case({"a": Const("A"), ...: Const("other")}, "key")

    assert await text_of(case, key="a") == "A"
    assert await text_of(case, key=key) == "other"
    assert await text_of(case) == "other"


async def test_a_case_without_a_text_says_for_which_value_and_what_there_is() -> None:
    with pytest.raises(WidgetError) as caught:
        await text_of(Case({"a": Const("A"), 1: Const("B")}, "key"), key="c")

    assert caught.value.widget == "Case(selector='key')"
    assert "no text for 'c', only for 'a', 1;" in caught.value.problem


@pytest.mark.parametrize("selector", ["zzz", F["zzz"]])
async def test_a_case_without_a_text_says_what_its_data_has(selector: Json) -> None:
    with pytest.raises(WidgetError) as caught:
        await text_of(Case({2: Const("two")}, selector), name="Ann")

    assert "no text for None, only for 2;" in caught.value.problem
    assert "the getters gave: " in caught.value.problem
    assert "name" in caught.value.problem.partition("gave: ")[2].split(", ")


@pytest.mark.parametrize("texts", [{}, [Const("a")], None])
def test_a_case_without_texts_is_refused_when_it_is_made(texts: Json) -> None:
    with pytest.raises(WidgetError, match="give it a text for each value"):
        Case(texts, "key")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (Const("hi"), "Const('hi')"),
        (Format("{a}"), "Format('{a}')"),
        (Case({1: Const("a")}, "n"), "Case(selector='n')"),
        (Multi(Const("a"), Format("b")), "Multi(Const('a'), Format('b'))"),
        (Const("a") | Const("b"), "Const('a') | Const('b')"),
        (Const("x" * 200), f"Const('{'x' * 100}…')"),
    ],
    ids=["const", "format", "case", "multi", "or", "long"],
)
def test_texts_print_as_they_were_written(text: Text, shown: str) -> None:
    assert repr(text) == shown


async def test_a_value_that_cannot_be_a_key_is_named() -> None:
    with pytest.raises(WidgetError, match=r"gave \[1\], which cannot be a key"):
        await text_of(Case({...: Const("A")}, "key"), key=[1])


async def test_a_case_may_be_hidden_and_its_texts_too() -> None:
    hidden = Case({...: Const("A")}, "key", when="no")
    empty = Case({...: Const("B", when="no")}, "key")

    assert await text_of(hidden, empty, Const("c"), no=False) == "c"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda wrong: Case({"a": wrong}, "key"), r"texts\['a'\] is 5; give a text"),
        (lambda wrong: Case({"a": Const("A")}, wrong), "selector=5 must be a key"),
        (lambda wrong: Multi(Const("a"), wrong), "a text is 5; give a text widget"),
        (lambda wrong: Const("a") | wrong, "a text is 5; give a text widget"),
        (lambda wrong: Const("a") + wrong, "a text is 5; give a text widget"),
    ],
    ids=["case", "selector", "multi", "or", "add"],
)
def test_texts_that_cannot_work_are_refused(make: Json, problem: str) -> None:
    with pytest.raises(WidgetError, match=problem):
        make(5)


async def test_keys_that_are_no_text_do_not_hide_what_is_missing() -> None:
    dispatcher = Dispatcher()
    window = Window(Format("{nobody}"), state=Main.one, getter={1: 2, "name": "Ann"})  # type: ignore[dict-item]  # wrong on purpose
    dispatcher.include_router(Dialog(window))

    async with Playground(dispatcher) as chat:
        with pytest.raises(WidgetError, match=r"the getters gave: .*name"):
            await (await chat.dialog(1).start(Main.one))


@pytest.mark.parametrize("text", ["50% {", "}", "{name", "{}", "{a[}"])
def test_a_format_whose_braces_do_not_fit_is_refused(text: str) -> None:
    with pytest.raises(WidgetError, match=r"\{\{ and \}\} stand for braces"):
        Format(text)


@pytest.mark.parametrize("kind", [Const, Format])
@pytest.mark.parametrize("wrong", [None, 5, Const("x")])
def test_a_text_is_made_of_a_string(kind: Json, wrong: object) -> None:
    with pytest.raises(WidgetError, match="must be a string"):
        kind(wrong)


async def _is_admin(*_: object) -> bool:
    return False


@pytest.mark.parametrize(
    ("widget", "name"),
    [
        (Const("secret", when=lambda *_: _is_admin()), "when"),
        (Case({...: Const("secret")}, lambda *_: _is_admin()), "selector"),
    ],
    ids=["when", "case"],
)
async def test_a_condition_that_nobody_awaited_does_not_count_as_true(
    widget: Text, name: str
) -> None:
    with pytest.raises(WidgetError, match=f"{name}=.* gave a coroutine and no value"):
        await text_of(widget)
