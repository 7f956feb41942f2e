"""What users write cannot change the markup of a window."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings, strategies as st

from duologue.dialogs import (
    Dialog,
    DialogManager,
    Dispatcher,
    State,
    StatesGroup,
    View,
    Window,
)
from duologue.dialogs.widgets import WidgetData
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Case, Const, Format, Multi, Text
from duologue.errors import InvalidDialogError, WidgetError
from duologue.testing import Playground


class Main(StatesGroup):
    one = State()


@dataclass(frozen=True)
class Bold:
    """A value that brings its own markup."""

    text: str

    def __html__(self) -> str:
        return f"<b>{self.text}</b>"


@dataclass(frozen=True)
class Person:
    name: str


class Shout(Text):
    """A text of an author's own around another, which it renders itself."""

    def __init__(self, inner: Text) -> None:
        super().__init__()
        self.inner = inner

    async def _render_text(self, data: WidgetData, manager: DialogManager) -> str:
        return f"{await self.inner.render_text({**data}, manager)}!"


class Reader(HTMLParser):
    """Reads HTML as messengers do: tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", []))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", [("data", data)]))

    def handle_data(self, data: str) -> None:
        self.text += data


async def view_of(
    *widgets: Text | Button | str,
    parse_mode: str | None = "html",
    escape: bool = True,
    **data: object,
) -> View:
    dispatcher = Dispatcher(escape=escape)
    window = Window(*widgets, state=Main.one, parse_mode=parse_mode, getter=data)
    dispatcher.include_router(Dialog(window))
    async with Playground(dispatcher) as chat:
        receipt = await chat.dialog(1).start(Main.one)
        await receipt.drawn()
        return chat.screen(1).view


async def text_of(*widgets: Text | str, **data: object) -> str:
    return (await view_of(*widgets, **data)).text  # type: ignore[arg-type]  # data only


TEMPLATES: Sequence[tuple[Text, Sequence[str]]] = [
    (Format("<b>{name}</b>"), ["b", "/b"]),
    (Format("<b>{name}</b>", when="name"), ["b", "/b"]),
    (Format("<i>{name!s}</i>"), ["i", "/i"]),
    (Format("<i>{person.name:>3}</i>"), ["i", "/i"]),
    (Multi(Const("<u>so</u>"), Format("{names[0]}")), ["u", "/u"]),
    (Case({...: Format("<s>{name}</s>")}, "name"), ["s", "/s"]),
    (Shout(Format("<b>{name}</b>")), ["b", "/b"]),
    (Const("<b>") + Format("{name}") + Const("</b>"), ["b", "/b"]),
    (Format("{missing}", when="missing") | Format("<b>{name}</b>"), ["b", "/b"]),
]


@pytest.mark.parametrize(("template", "tags"), TEMPLATES)
@settings(max_examples=40)
@given(name=st.text("<>&\"'/=ab i;#x-!{}", min_size=1))
def test_whatever_a_value_holds_the_tags_are_those_of_the_author(
    template: Text, tags: Sequence[str], name: str
) -> None:
    text = asyncio.run(
        text_of("x", template, name=name, person=Person(name), names=[name])
    )

    read = Reader(text)
    assert [tag for tag, _ in read.tags] == tags
    assert name in read.text


@given(url=st.text("<>&\"' /=ab;#x", min_size=1))
def test_a_value_in_an_attribute_stays_in_it(url: str) -> None:
    text = asyncio.run(
        text_of("""<a href="{url}">1</a><a href='{url}'>2</a>""", url=url)
    )

    read = Reader(text)
    assert [attrs for _, attrs in read.tags if attrs] == [[("href", url)]] * 2
    assert read.text == "12"


async def test_a_value_that_brings_its_own_markup_keeps_it() -> None:
    assert await text_of("{who}, {name}", who=Bold("Ann"), name="<i>") == (
        "<b>Ann</b>, &lt;i&gt;"
    )


async def test_a_value_with_markup_cannot_be_cut() -> None:
    with pytest.raises(WidgetError, match="leave the format out"):
        await text_of("{who:.3}", who=Bold("Ann"))


async def test_a_nested_text_is_escaped_once() -> None:
    nested = Multi(
        Shout(Multi(Format("{name}"))), Case({...: Format("{name}")}, "name")
    )

    assert await text_of(nested, name="&") == "&amp;!\n&amp;"


async def test_a_width_is_that_of_what_is_seen() -> None:
    assert await text_of("{name:{sign}>{width}}", name="<", sign="<", width=3) == (
        "&lt;&lt;&lt;"
    )


async def test_braces_and_missing_values_are_what_they_are_elsewhere() -> None:
    assert await text_of("{{{name}}}", name=1) == "{1}"
    with pytest.raises(WidgetError, match="the getters gave"):
        await text_of("{nobody}")


async def test_an_author_can_escape_by_himself() -> None:
    assert await text_of(Format("{name}", escape=False), name="<b>A</b>") == "<b>A</b>"


async def test_a_whole_bot_can_escape_by_itself() -> None:
    view = await view_of("{name}", Shout(Format("{name}")), escape=False, name="<b>")

    assert view.text == "<b>\n<b>!"


async def test_a_window_without_markup_shows_values_as_they_are() -> None:
    assert (await view_of("{name}", parse_mode=None, name="<b>")).text == "<b>"


@pytest.mark.parametrize("text", [Const("x"), Shout(Const("x"))])
async def test_labels_have_no_markup(text: Text) -> None:
    view = await view_of(text, Button(Format("{name} & co"), "b"), name="<Ann>")

    assert view.keyboard[0][0].text == "<Ann> & co"


@pytest.mark.parametrize(
    "text", ["**{name}**", Multi(Case({...: Format("{name}")}, "name"))]
)
async def test_values_in_markdown_are_refused_at_the_start(text: Text | str) -> None:
    with pytest.raises(InvalidDialogError, match='parse_mode="html"') as caught:
        await view_of(text, parse_mode="markdown", name="x")

    assert "Main:one" in str(caught.value)


async def test_markdown_without_values_or_with_safe_ones_is_shown() -> None:
    safe = Format("*{name}*", escape=False)
    view = await view_of("_{{x}}_", safe, parse_mode="Markdown", name=1)

    assert (view.text, view.markup) == ("_{x}_\n*1*", "markdown")
    assert (await view_of("*{n}*", parse_mode="markdown", escape=False, n=1)).text == (
        "*1*"
    )
