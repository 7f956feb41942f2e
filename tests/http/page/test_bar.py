"""`<operation-bar>` in a browser: live, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import duologue.transport.http
from tests.browser import Watch
from tests.http.page.conftest import OpenBar, Site

MODULE = Path(duologue.transport.http.__file__).parent / "_views/page/operation-bar.js"
EVIL = '<img src=x onerror="alert(1)"><b>bold</b>'


def call(page: Page, method: str, *arguments: str) -> None:
    page.evaluate(
        f"document.querySelector('operation-bar').{method}({','.join(arguments)})"
    )


def test_the_module_is_one_small_file() -> None:
    assert len(MODULE.read_bytes()) < 6_000
    assert "innerHTML" not in MODULE.read_text("utf-8")


def test_an_operation_is_started_followed_and_stopped(
    site: Site, open_bar: OpenBar
) -> None:
    page = open_bar()
    bar, meter = page.locator("operation-bar"), page.get_by_role("progressbar")
    out, stop = page.locator("output"), page.get_by_role("button", name="Stop")
    expect(out).to_have_text("ready")
    expect(stop).to_be_hidden()

    call(page, "start")
    expect(bar).to_have_attribute("state", "running")
    expect(meter).not_to_have_attribute("value", "0")  # nobody knows how far it is
    site.report(0.42, "half of it")
    expect(out).to_contain_text("42% · half of it")
    expect(meter).to_have_js_property("value", 0.42)
    expect(meter).to_have_attribute("aria-valuetext", "42% · half of it")
    expect(page.get_by_label("Import")).to_have_js_property("tagName", "PROGRESS")
    stop.click()

    expect(bar).to_have_attribute("state", "cancelled")
    expect(stop).to_be_hidden()
    assert sum(one.endswith("/events") for one in site.asked) == 1


def test_what_a_chat_started_is_seen_and_its_end_too(
    site: Site, open_bar: OpenBar
) -> None:
    site.start()
    page = open_bar()
    site.report(0.5, "from the chat")

    expect(page.locator("output")).to_contain_text("from the chat")
    site.stop()
    expect(page.locator("operation-bar")).to_have_attribute("state", "cancelled")


def test_a_page_that_is_open_sees_what_a_chat_starts(
    site: Site, open_bar: OpenBar
) -> None:
    page = open_bar()
    expect(page.locator("output")).to_have_text("ready")
    site.start()
    site.report(0.5, "from the chat")

    expect(page.locator("output")).to_contain_text("from the chat")


def test_a_page_shows_what_is_asked_and_answers_it(
    site: Site, open_bar: OpenBar
) -> None:
    worker = site.start(question="Which month?")
    page = open_bar()
    bar = page.locator("operation-bar")
    expect(bar).to_have_attribute("state", "input_required")
    expect(page.locator("output")).to_contain_text("Which month?")

    page.evaluate(
        """fetch(document.querySelector("operation-bar").snapshot.links.answer, {
          method: "POST", headers: {"Content-Type": "application/json"},
          body: JSON.stringify({answer: "May"})})"""
    )

    expect(bar).to_have_attribute("state", "succeeded")
    assert worker.snapshot.result == "for May"


def test_a_reload_attaches_again(site: Site, open_bar: OpenBar) -> None:
    page = open_bar()
    call(page, "start")
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    site.report(0.3, "going on")

    page.reload()

    expect(page.locator("output")).to_contain_text("30% · going on")
    site.report(0.6)
    expect(page.locator("output")).to_contain_text("60%")


def test_it_asks_where_there_are_no_streams(
    site: Site, open_bar: OpenBar, watch: Watch
) -> None:
    watch.expected += ["503", "EventSource"]
    site.refused["/events"] = 503
    page = open_bar()
    call(page, "start")
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    site.report(0.3, "asked for")

    expect(page.locator("output")).to_contain_text("30% · asked for")
    site.report(0.6)
    expect(page.locator("output")).to_contain_text("60%")
    assert sum(one.endswith("/events") for one in site.asked) == 2


def test_it_only_asks_if_it_is_to(site: Site, open_bar: OpenBar) -> None:
    site.start()
    page = open_bar()
    page.evaluate(
        "document.querySelector('operation-bar').setAttribute('transport', 'poll')"
    )
    page.reload()
    page.evaluate(
        "document.querySelector('operation-bar').setAttribute('transport', 'poll');"
        "document.querySelector('operation-bar').rest();"
        "document.querySelector('operation-bar').attach()"
    )
    before = len(site.asked)
    site.report(0.3, "asked for")

    expect(page.locator("output")).to_contain_text("30% · asked for")
    assert not any(one.endswith("/events") for one in site.asked[before:])


def test_a_server_that_fails_for_a_while_is_waited_for(
    site: Site, open_bar: OpenBar, watch: Watch
) -> None:
    watch.expected += ["502", "EventSource"]
    site.start()
    site.refused["/import"] = 502
    page = open_bar()
    bar = page.locator("operation-bar")
    expect(bar).to_have_attribute("offline", "")
    expect(page.locator("[role=status]")).to_have_text("offline")

    site.refused.clear()
    site.report(0.5, "there again")

    expect(page.locator("output")).to_contain_text("there again")
    expect(bar).not_to_have_attribute("offline", "")


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "log in"), (403, "not allowed"), (404, "not found"), (410, "gone")],
)
def test_a_refusal_that_is_final_is_said_and_ends_the_questions(
    site: Site, open_bar: OpenBar, watch: Watch, status: int, says: str
) -> None:
    watch.expected.append(str(status))
    site.refused["/import"] = status
    page = open_bar()

    expect(page.locator("output")).to_have_text(says)
    expect(page.locator("operation-bar")).to_have_attribute("state", "error")
    page.wait_for_timeout(1500)
    assert sum(one.endswith("/import") for one in site.asked) == 1


def test_events_tell_the_page_what_happens(
    site: Site, open_bar: OpenBar, watch: Watch
) -> None:
    watch.expected.append("422")
    page = open_bar()
    page.evaluate(
        """window.told = [];
        for (const name of ["update", "done", "error", "cancel"])
          document.addEventListener(`operation-${name}`, (event) =>
            told.push([name, event.detail.state ?? event.detail.detail]))"""
    )
    call(page, "start", "{fail: true}")
    expect(page.locator("output")).to_have_text("not with fail")
    call(page, "start")
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    site.stop()
    expect(page.locator("operation-bar")).to_have_attribute("state", "cancelled")

    # A bar that is there asks by itself how things are, once it was loaded.
    told = [each for each in page.evaluate("told") if each != ["update", "idle"]]
    assert told[0] == ["error", "not with fail"]
    assert ["update", "running"] in told
    assert told[-1] == ["cancel", "cancelled"]
    assert page.evaluate("document.querySelector('operation-bar').state") == "cancelled"
    call(page, "reset")
    expect(page.locator("output")).to_have_text("ready")


def test_hostile_text_is_text(site: Site, open_bar: OpenBar) -> None:
    site.bar.label = EVIL
    page = open_bar()
    call(page, "start")
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    site.report(0.1, EVIL)

    expect(page.locator("output")).to_contain_text(EVIL)
    expect(page.locator("label")).to_have_text(EVIL)
    assert page.locator("operation-bar :is(img, b)").count() == 0


def test_it_fits_into_320_pixels(site: Site, open_bar: OpenBar) -> None:
    site.start()
    site.report(0.5, "a_very_long_name_without_any_break" * 5)
    page = open_bar(width=320)

    expect(page.locator("output")).to_contain_text("a_very_long_name")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    expect(page.get_by_role("button", name="Stop")).to_be_in_viewport(ratio=1)


def test_it_reads_from_right_to_left(site: Site, open_bar: OpenBar) -> None:
    site.words = 'lang="ar" dir="rtl"'
    site.start()
    page = open_bar()
    site.report(0.5, "نص")

    expect(page.locator("output")).to_contain_text("نص")
    text = page.locator("output").bounding_box()
    stop = page.locator("operation-bar button").bounding_box()
    assert text is not None
    assert stop is not None
    assert stop["x"] < text["x"]


def test_nothing_moves_for_who_wants_that(site: Site, open_bar: OpenBar) -> None:
    site.start()
    still = open_bar(reduced_motion="reduce")
    moving = open_bar()
    looks = []
    for page in (still, moving):
        expect(page.locator("operation-bar")).to_have_attribute("state", "running")
        looks.append(
            page.evaluate(
                "getComputedStyle(document.querySelector('progress')).appearance"
            )
        )

    assert looks == ["none", "auto"]


def test_a_screen_reader_hears_at_most_something_each_five_seconds(
    site: Site, open_bar: OpenBar
) -> None:
    page = open_bar()
    page.evaluate(
        """window.heard = [];
        new MutationObserver((changes) => heard.push(...changes.map(() => Date.now())))
          .observe(document.querySelector("[role=status]"), {childList: true})"""
    )
    call(page, "start")
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    for step in range(1, 31):
        site.report(step / 100, f"step {step}")
        page.wait_for_timeout(100)
    expect(page.locator("output")).to_contain_text("step 30")

    heard = page.evaluate("heard")
    assert 1 <= len(heard) <= 2  # that it runs; and once more, if it took so long
    assert page.locator("output").get_attribute("aria-live") == "off"


def test_a_tab_that_nobody_sees_asks_nothing(site: Site, open_bar: OpenBar) -> None:
    site.start()
    page = open_bar()
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    page.evaluate(
        """Object.defineProperty(document, "hidden", {value: true, configurable: true});
        dispatchEvent(new Event("visibilitychange"))"""
    )
    site.report(0.7, "unseen")
    page.wait_for_timeout(500)
    expect(page.locator("output")).not_to_contain_text("unseen")
    page.evaluate(
        """Object.defineProperty(document, "hidden", {value: false});
        dispatchEvent(new Event("visibilitychange"))"""
    )

    expect(page.locator("output")).to_contain_text("70% · unseen")


def test_a_bar_that_is_moved_goes_on_and_one_that_is_taken_away_stops(
    site: Site, open_bar: OpenBar
) -> None:
    site.start()
    page = open_bar()
    expect(page.locator("operation-bar")).to_have_attribute("state", "running")
    page.evaluate(
        """document.body.append(document.createElement("div"));
        document.querySelector("body > div").append(document.querySelector("operation-bar"))"""
    )
    site.report(0.4, "moved")
    expect(page.locator("output")).to_contain_text("moved")
    page.evaluate("document.querySelector('operation-bar').remove()")
    page.wait_for_timeout(300)
    before = len(site.asked)
    site.report(0.5)
    page.wait_for_timeout(1500)

    assert site.asked[before:] == []


def test_many_bars_leave_connections_for_the_page(
    site: Site, open_bar: OpenBar
) -> None:
    site.start()
    page = open_bar()
    page.evaluate(
        """for (let i = 0; i < 9; i++)
          document.body.append(document.querySelector("operation-bar").cloneNode())"""
    )
    expect(page.locator("operation-bar[state=running]")).to_have_count(10)
    site.report(0.4, "everywhere")

    expect(page.locator("output", has_text="everywhere")).to_have_count(10)
    assert sum(one.endswith("/events") for one in site.asked) == 4


def test_before_any_script_there_is_a_bar_and_a_link(
    site: Site, open_bar: OpenBar, watch: Watch
) -> None:
    watch.expected.append("404")  # the icon that Chromium asks for
    site.bar.value = 0.25
    site.start()
    site.report(0.5, "<b>half</b>")
    page = open_bar(java_script_enabled=False)  # type: ignore[arg-type]  # of Playwright

    expect(page.get_by_role("progressbar", name="Import")).to_have_attribute(
        "value", "0.25"
    )
    page.get_by_role("link").click()
    expect(page.locator("output")).to_have_text("<b>half</b>")
    site.stop()
    expect(page.locator("[data-state=cancelled]")).to_be_visible()
