"""The drawer: what went over the wire about one message."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from duologue.transport.sandbox import FaultKind
from tests.sandbox.page.conftest import Town, button


def _open(page: Page, text: str) -> None:
    message = page.get_by_role("article").filter(has_text=text)
    message.hover()
    message.get_by_role("button", name="Traffic").click()
    expect(page.get_by_role("complementary")).to_be_visible()


def test_it_shows_the_newest_first_in_a_line_each_and_goes_on_live(
    town: Town, page: Page, ann: int
) -> None:
    mid = town.send("menu", [button("Pay", "pay")], user_id=ann)
    town.send("another message", user_id=ann)
    _open(page, "menu")
    records = page.get_by_role("list", name="Requests and updates").locator("> li")
    expect(records).to_have_count(1)

    page.get_by_role("button", name="Pay").click()
    expect(records).to_have_count(2)
    town.answer(town.callback_id(), message={"text": "paid"})
    town.edit(mid, "thank you")

    expect(records).to_contain_text(
        [
            f"/messages?message_id={mid}",
            "/answers?callback_id=",
            "message_callback",
            "POST",
        ]
    )
    expect(records.nth(2)).to_contain_text("waits")
    body = records.last.get_by_text('"text": "menu"').first
    expect(body).to_be_hidden()
    records.last.locator("summary").click()
    expect(body).to_be_visible()


def test_what_one_reads_in_it_stays_as_it_is_while_more_comes(
    town: Town, page: Page, ann: int
) -> None:
    mid = town.send("menu", user_id=ann)
    _open(page, "menu")
    request = page.locator("#records details").last
    summary = request.locator("summary")
    summary.press("Enter")
    expect(request).to_have_attribute("open", "")

    town.edit(mid, "changed")

    expect(page.locator("#records > li")).to_have_count(2)
    expect(request).to_have_attribute("open", "")
    expect(summary).to_be_focused()


def test_it_shows_what_the_messenger_refused(town: Town, page: Page, ann: int) -> None:
    mid = town.send("menu", user_id=ann)
    _open(page, "menu")

    town.call("PUT", "/messages", {"text": 5}, message_id=mid)

    newest = page.locator("#records > li").first
    expect(newest.locator("summary")).to_contain_text("400")
    expect(newest).to_contain_text("text: must be a string")


def test_a_committed_update_is_marked(town: Town, page: Page) -> None:
    page.get_by_role("textbox", name="Message").fill("hello")
    page.get_by_role("textbox", name="Message").press("Enter")
    _open(page, "hello")
    pill = page.locator("#records .pill")
    expect(pill).to_have_text("waits")

    marker = town.call("GET", "/updates", timeout=0)["marker"]
    town.call("GET", "/updates", timeout=0, marker=marker)

    expect(pill).to_have_text("committed")


def test_no_token_is_ever_in_it(town: Town, page: Page, ann: int) -> None:
    token = town.sandbox.token
    mid = town.send("menu", user_id=ann)
    town.call("PUT", "/messages", {"text": token}, message_id=mid)
    town.call("GET", f"/messages/{mid}", access_token=token)
    _open(page, token)
    expect(page.locator("#records > li")).to_have_count(3)
    for summary in page.locator("#records summary").all():
        summary.click()

    shown = page.locator("#drawer").inner_text()

    assert token not in shown
    assert town.sandbox.control_token not in page.content()
    assert shown.count("(token)") == 4
    assert "Authorization" not in shown


def test_escape_closes_it_and_the_focus_goes_back(
    town: Town, page: Page, ann: int
) -> None:
    town.send("menu", user_id=ann)
    _open(page, "menu")
    expect(page.get_by_role("button", name="Close traffic")).to_be_focused()

    page.keyboard.press("Escape")

    expect(page.get_by_role("complementary")).to_be_hidden()
    expect(page.get_by_role("button", name="Traffic")).to_be_focused()


def test_a_request_without_an_answer_is_there(town: Town, page: Page, ann: int) -> None:
    mid = town.send("menu", user_id=ann)
    _open(page, "menu")

    town.run(town.control.fault(FaultKind.STATUS, method="PUT", count=1))
    town.call("PUT", "/messages", {"text": "x"}, message_id=mid)

    newest = page.locator("#records > li").first
    expect(newest.locator(".pill")).to_have_text("503")


def test_a_bot_with_a_webhook_is_there_and_each_delivery_shows_its_answer(
    town: Town, page: Page, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/hook"
    town.call("POST", "/subscriptions", {"url": url})
    box = page.get_by_role("textbox", name="Message")

    box.fill("hello")
    box.press("Enter")
    _open(page, "hello")

    records = page.get_by_role("list", name="Requests and updates").locator("> li")
    expect(records).to_contain_text(["POST", "update"])
    expect(records.first).to_contain_text(url)
    expect(records.first).to_contain_text("closed")
    expect(page.get_by_text("DUOLOGUE_MAX_TOKEN=")).to_be_hidden()
