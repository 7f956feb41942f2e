"""The bar as the server draws it, and as htmx asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

import pytest

from duologue.transport.http import BackgroundOperationBar
from tests.http.operations.conftest import Client

HTMX = {"HX_Request": "true"}


class Elements(HTMLParser):
    """The elements of a piece of HTML, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, Mapping[str, str | None]] = {}
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] = dict(attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_bar_of_m3_is_an_element() -> None:
    bar = BackgroundOperationBar(
        label="Время полёта",
        text="К полёту готов",  # noqa: RUF001  # Russian
        value=0.0,
        interval=3000,
        url="/actions/async",
        boundary="tab-1",
    )
    drawn = Elements(str(bar))

    assert drawn.found["operation-bar"] == {
        "id": "operation-actions-async-tab-1",
        "src": "/actions/async",
        "label": "Время полёта",
        "text": "К полёту готов",  # noqa: RUF001  # Russian
        "value": "0",
        "interval": "3000",
        "boundary": "tab-1",
    }
    assert drawn.found["progress"] == {"max": "1", "value": "0"}
    assert drawn.found["a"] == {"href": "/actions/async?boundary=tab-1"}
    assert bar.__html__() == str(bar)
    assert bar.start() == (
        'document.getElementById("operation-actions-async-tab-1").start()'
    )
    assert bar.ping().endswith(".ping()")
    assert bar.stop().endswith(".stop()")


def test_what_the_bar_is_given_is_data() -> None:
    evil = '"><script>alert(1)</script>'
    bar = BackgroundOperationBar(evil, evil, url=evil, boundary=evil)
    drawn = Elements(str(bar))

    assert set(drawn.found) == {
        "operation-bar",
        "label",
        "span",
        "progress",
        "output",
        "a",
    }
    assert drawn.found["operation-bar"]["label"] == evil
    assert evil in drawn.words


@pytest.mark.parametrize(
    ("value", "shown"),
    [(7.5, "1"), (-1.0, "0"), (float("nan"), None), (None, None), (1 / 3, "0.333333")],
)
def test_a_value_is_a_share(value: float | None, shown: str | None) -> None:
    drawn = Elements(str(BackgroundOperationBar(value=value)))

    assert drawn.found["operation-bar"].get("value") == shown


async def test_a_fragment_asks_until_the_end(program: Client) -> None:
    begun = await program.start("waiting", boundary="b")
    place = f"/operations/{begun['id']}"
    running = await program.get(place, **HTMX)
    slot = await program.get("/waiting?boundary=b", **HTMX)
    await program.ask("DELETE", place)
    await program.until_done(place)
    ended = await program.get(place, **HTMX)

    drawn = Elements(running.body.decode())
    assert running.status == 200
    assert drawn.found["div"]["hx-get"] == f"/actions{place}"
    assert drawn.found["button"]["hx-post"] == f"/actions{place}/cancel"
    assert slot.status == 200
    assert ended.status == 286
    assert ended.headers["HX-Trigger"] == "operation-done"
    assert "hx-get" not in Elements(ended.body.decode()).found["div"]


async def test_without_scripts_a_browser_loads_it_again_until_the_end(
    program: Client,
) -> None:
    idle = await program.get("/waiting", Accept="text/html,*/*")
    begun = await program.start("waiting")
    running = await program.get(f"/operations/{begun['id']}", Accept="text/html")

    assert "Refresh" not in idle.headers
    assert "idle" in idle.body.decode()
    assert running.headers["Refresh"] == "2"
    assert "button" not in Elements(running.body.decode()).found


async def test_everybody_may_have_the_module(program: Client) -> None:
    anybody = Client(program.http, program.url, {})

    module = await anybody.get("/operation-bar.js")
    again = await anybody.get("/operation-bar.js", If_None_Match=module.headers["ETag"])

    assert module.headers["Content-Type"].startswith("text/javascript")
    assert b"customElements.define" in module.body
    assert (again.status, again.body) == (304, b"")
