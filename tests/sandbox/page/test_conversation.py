"""A user talks to a bot through nothing but the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from duologue.transport.sandbox import LogEntry, LogKind
from tests.browser import Watch
from tests.sandbox.page.conftest import BeThere, OpenPage, Town, button


def _write(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("textbox", name="Message").press("Enter")


def _entries(town: Town, kind: LogKind) -> list[LogEntry]:
    return [e for e in town.run(town.control.log()) if e.kind == kind]


@pytest.fixture
def held(page: Page) -> list[Route]:
    """Requests to act, which go on only when the test lets them."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    page.route("**/control/actions", hold)
    return routes


def test_who_comes_first_says_a_name_and_presses_start(
    town: Town, open_page: OpenPage, be_there: BeThere
) -> None:
    be_there()
    page = open_page()
    page.get_by_role("textbox", name="Your name").fill("Ann")
    page.get_by_role("button", name="Create user").click()

    page.get_by_role("button", name="Start", exact=True).click()

    expect(page.get_by_text("You pressed Start")).to_be_visible()
    assert [u["update_type"] for u in town.updates()] == ["bot_started"]
    assert [u.name for u in town.run(town.control.users())] == ["Ann"]


def test_what_is_typed_reaches_the_bot_and_its_answer_the_page(
    town: Town, page: Page, ann: int
) -> None:
    _write(page, "hello")
    expect(page.get_by_role("article", name="You")).to_contain_text("hello")

    town.send("hi there", user_id=ann)

    answer = page.get_by_role("article", name="Sandbox bot")
    expect(answer).to_contain_text("hi there")
    assert [entry.text for entry in _entries(town, LogKind.SAID)] == ["hello"]


def test_shift_enter_makes_a_line_and_enter_sends(town: Town, page: Page) -> None:
    field = page.get_by_role("textbox", name="Message")
    field.press_sequentially("one")
    field.press("Shift+Enter")
    field.press_sequentially("two")
    field.press("Enter")

    expect(field).to_have_value("")
    expect(page.get_by_role("article", name="You")).to_contain_text("one\ntwo")
    assert [entry.text for entry in _entries(town, LogKind.SAID)] == ["one\ntwo"]


def test_a_pressed_button_waits_until_the_bot_answers_with_a_toast(
    town: Town, page: Page, ann: int
) -> None:
    town.send("menu", [button("Pay", "pay"), button("Later", "later")], user_id=ann)
    pay = page.get_by_role("button", name="Pay")

    pay.click()
    expect(pay).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Later")).not_to_have_attribute(
        "aria-busy", "true"
    )
    town.answer(town.callback_id(), notification="Paid!")

    expect(page.get_by_role("status").filter(has_text="Paid!")).to_be_visible()
    expect(pay).not_to_have_attribute("aria-busy", "true")
    assert [entry.payload for entry in _entries(town, LogKind.CLICKED)] == ["pay"]


def test_a_blank_notification_ends_the_wait_and_shows_nothing(
    town: Town, page: Page, ann: int
) -> None:
    town.send("menu", [button("Pay", "pay")], user_id=ann)
    pay = page.get_by_role("button", name="Pay")
    pay.click()
    expect(pay).to_have_attribute("aria-busy", "true")

    town.answer(town.callback_id(), notification=" ")

    expect(pay).not_to_have_attribute("aria-busy", "true")
    assert page.locator(".toast").count() == 0


def test_an_answer_with_a_view_redraws_the_message_in_place(
    town: Town, page: Page, ann: int
) -> None:
    town.send("0", [button("+1", "inc")], user_id=ann)
    message = page.get_by_role("article", name="Sandbox bot")
    expect(message).to_contain_text("0")
    message.evaluate("node => { node.isTheSame = true; }")
    press = page.get_by_role("button", name="+1")

    press.focus()
    press.press("Enter")
    expect(press).to_have_attribute("aria-busy", "true")
    town.answer(town.callback_id(), message={"text": "1"})

    expect(message).to_contain_text("1")
    expect(press).to_be_focused()
    expect(press).not_to_have_attribute("aria-busy", "true")
    assert message.evaluate("node => node.isTheSame")


def test_an_edit_leaves_the_nodes_of_all_other_messages_alone(
    town: Town, page: Page, ann: int
) -> None:
    first = town.send("first", [button("A", "a")], user_id=ann)
    town.send("second", [button("B", "b")], user_id=ann)
    expect(page.get_by_role("article")).to_have_count(2)
    page.evaluate("""() => {
        window.touched = new Set();
        const articles = [...document.querySelectorAll("article")];
        new MutationObserver((changes) => {
            for (const change of changes) {
                const at = articles.findIndex((one) => one.contains(change.target));
                if (at >= 0) touched.add(at);
            }
        }).observe(document.querySelector(".messages"),
            {subtree: true, childList: true, characterData: true, attributes: true});
    }""")

    town.edit(first, "changed", [button("A2", "a2")])

    expect(page.get_by_role("article").first).to_contain_text("changed")
    assert page.evaluate("[...touched]") == [0]


def test_a_deleted_message_disappears(town: Town, page: Page, ann: int) -> None:
    mid = town.send("soon gone", user_id=ann)
    expect(page.get_by_role("article")).to_have_count(1)

    town.delete(mid)

    expect(page.get_by_role("article")).to_have_count(0)


def test_a_new_keyboard_keeps_the_focus_at_the_message(
    town: Town, page: Page, ann: int
) -> None:
    mid = town.send("menu", [button("Next", "n")], user_id=ann)
    page.get_by_role("button", name="Next").focus()

    town.edit(mid, "deeper", [button("Left", "l"), button("Right", "r")])

    expect(page.get_by_role("button", name="Left")).to_be_focused()


def test_a_reply_says_what_it_replies_to(town: Town, page: Page, ann: int) -> None:
    mid = town.send("which one?", user_id=ann)
    message = page.get_by_role("article", name="Sandbox bot")
    message.hover()
    message.get_by_role("button", name="Reply").click()
    expect(page.locator(".context")).to_have_text("Sandbox bot: which one?")

    _write(page, "this one")

    mine = page.get_by_role("article", name="You")
    expect(mine).to_contain_text("which one?")
    chats = town.run(town.control.chats(ann))
    shown = town.run(town.control.messages(chats[0].chat_id))
    assert [(m.text, m.reply_to) for m in shown[1:]] == [("this one", mid)]


def test_links_open_elsewhere_and_only_web_addresses_are_links(
    town: Town, page: Page, ann: int
) -> None:
    town.send(
        "links",
        [button("Good", kind="link", url="https://example.org/a")],
        [button("Bad", kind="link", url="javascript:alert(1)")],
        user_id=ann,
    )

    good = page.get_by_role("link", name="Good")

    expect(good).to_have_attribute("href", "https://example.org/a")
    expect(good).to_have_attribute("rel", "noopener noreferrer")
    expect(good).to_have_attribute("target", "_blank")
    expect(page.get_by_role("button", name="Bad")).to_be_disabled()


def test_a_button_that_speaks_speaks_for_the_user(
    town: Town, page: Page, ann: int
) -> None:
    town.send("say it", [button("Good morning", kind="message")], user_id=ann)

    page.get_by_role("button", name="Good morning").click()

    expect(page.get_by_role("article", name="You")).to_contain_text("Good morning")


def test_a_button_that_copies_copies(town: Town, open_page: OpenPage, ann: int) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    town.send("copy", [button("Copy", "4711", kind="clipboard")], user_id=ann)

    page.get_by_role("button", name="Copy", exact=True).click()

    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "4711"


def test_formatted_text_becomes_nodes_and_nothing_else(
    town: Town, page: Page, ann: int
) -> None:
    html = (
        "🙂 <b>bold <i>both</i></b> <code>code</code> "
        '<a href="https://example.org/">site</a> <a href="javascript:alert(1)">no</a>'
    )
    town.post({"text": html, "format": "html"}, user_id=ann)

    text = page.get_by_role("article").locator(".text")

    expect(text).to_have_text("🙂 bold both code site no")
    expect(text.locator("strong").first).to_have_text("bold ")
    expect(text.locator("em")).to_have_text("both")
    expect(text.locator("code")).to_have_text("code")
    expect(text.get_by_role("link")).to_have_count(1)
    expect(text.get_by_role("link")).to_have_attribute("href", "https://example.org/")


def test_the_page_shows_that_the_bot_types_and_is_there(
    town: Town, page: Page, ann: int
) -> None:
    town.send("wait", user_id=ann)
    chat = town.run(town.control.chats(ann))[0].chat_id

    town.call("POST", f"/chats/{chat}/actions", {"action": "typing_on"})

    expect(page.get_by_text("typing…")).to_be_visible()
    expect(page.get_by_text("No bot connected")).to_be_visible()


def test_what_the_bot_did_wrong_is_said_where_it_happened(
    town: Town, page: Page, ann: int
) -> None:
    town.send("fine", user_id=ann)
    expect(page.get_by_role("article")).to_have_count(1)
    chat = town.run(town.control.chats(ann))[0].chat_id

    town.call("POST", "/messages", {"text": 5}, chat_id=chat)

    note = page.get_by_role("listitem").filter(has_text="The bot was refused")
    expect(note).to_contain_text("POST /messages → 400 proto.payload")
    expect(note).to_contain_text("text: must be a string")
    log = page.get_by_role("log", name="New messages")
    expect(log).to_contain_text("The bot was refused")


def test_a_blocked_bot_can_be_started_again(town: Town, page: Page, ann: int) -> None:
    town.send("hello", user_id=ann)

    page.get_by_role("button", name="Block bot").click()
    expect(page.get_by_text("You blocked the bot")).to_be_visible()
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_role("button", name="Block bot")).to_be_visible()

    kinds = [u["update_type"] for u in town.updates()]
    assert kinds == ["bot_stopped", "bot_started"]


def test_a_press_that_comes_too_late_says_so(
    town: Town, page: Page, ann: int, watch: Watch
) -> None:
    watch.expected.append("400")
    mid = town.send("menu", [button("Old", "old")], user_id=ann)

    def redraw_first(route: Route) -> None:
        town.edit(mid, "menu", [button("New", "new")])
        route.continue_()

    page.route("**/control/actions", redraw_first)
    page.get_by_role("button", name="Old").click()

    toast = page.get_by_role("status").filter(has_text="has no button")
    expect(toast).to_be_visible()
    expect(page.get_by_role("button", name="New", exact=True)).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)


def test_what_is_written_while_a_message_is_on_its_way_stays(
    town: Town, page: Page, held: list[Route]
) -> None:
    field = page.get_by_role("textbox", name="Message")
    with page.expect_request("**/control/actions"):
        _write(page, "one")

    field.press_sequentially(" and two")
    held[0].continue_()

    expect(page.get_by_role("article", name="You")).to_contain_text("one")
    expect(field).to_have_value(" and two")
    assert [entry.text for entry in _entries(town, LogKind.SAID)] == ["one"]


def test_who_goes_to_another_chat_while_a_message_is_on_its_way_stays_there(
    town: Town, page: Page, ann: int, held: list[Route]
) -> None:
    town.run(town.control.add_group("Team", [ann]))
    town.send("hello", user_id=ann)
    expect(page.get_by_role("article")).to_have_count(1)
    with page.expect_request("**/control/actions"):
        _write(page, "on its way")

    page.get_by_role("button", name="Team").click()
    expect(page.get_by_role("heading", name="Team")).to_be_visible()
    with page.expect_response("**/control/actions"):
        held[0].continue_()

    expect(page.get_by_role("button", name="Sandbox bot")).to_contain_text("on its way")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")
    expect(page.get_by_role("heading", name="Team")).to_be_visible()


def test_typing_is_shown_only_in_the_chat_where_the_bot_types(
    town: Town, page: Page, ann: int
) -> None:
    town.run(town.control.add_group("Team", [ann]))
    town.send("wait", user_id=ann)
    expect(page.get_by_role("article")).to_have_count(1)
    chat = next(c for c in town.run(town.control.chats(ann)) if not c.is_group)
    town.call("POST", f"/chats/{chat.chat_id}/actions", {"action": "typing_on"})
    expect(page.get_by_text("typing…")).to_be_visible()

    page.get_by_role("button", name="Team").click()

    expect(page.get_by_role("heading", name="Team")).to_be_visible()
    assert page.get_by_text("typing…").count() == 0


def test_a_file_of_the_bot_without_a_name_is_called_a_file(
    town: Town, page: Page, ann: int
) -> None:
    file = {"type": "file", "payload": {"token": "of-the-bot"}}

    town.post({"text": "here", "attachments": [file]}, user_id=ann)

    expect(page.get_by_role("button", name="Download file", exact=True)).to_be_visible()
