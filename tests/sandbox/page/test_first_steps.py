"""The first minutes with the page: what is seen first, and where the focus is."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from duologue.transport.sandbox import FaultKind
from tests.sandbox.page.conftest import BeThere, OpenPage, Town, button

SMALL = """() => [...document.querySelectorAll(
        "button, a, input, select, textarea, summary, label, [role=option]")]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }))
    .filter((node) => !node.closest("[hidden], .tools") || node.closest(".picked"))
    .filter((node) => node.type !== "checkbox" && !node.matches(".text a"))
    .map((node) => [node, node.getBoundingClientRect()])
    .filter(([, box]) => box.width < 44 || box.height < 44)
    .map(([node, box]) => `${node.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""
OVERLAP = """(tools) => {
    const over = (a, b) => a.left < b.right && b.left < a.right
        && a.top < b.bottom && b.top < a.bottom;
    const box = tools.getBoundingClientRect();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const covered = [];
    while (walker.nextNode()) {
        if (!walker.currentNode.parentElement.closest(".messages")) continue;
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        if ([...range.getClientRects()].some((rect) => over(rect, box)))
            covered.push(walker.currentNode.data);
    }
    return covered;
}"""


def _create_user(page: Page, name: str = "Ann") -> None:
    page.get_by_role("textbox", name="Your name").fill(name)
    page.get_by_role("button", name="Create user").click()


def _commands(page: Page) -> Locator:
    menu = page.get_by_role("listbox", name="Commands of the bot")
    return menu.get_by_role("option")


def test_without_a_bot_the_line_that_starts_one_is_seen_and_copied(
    town: Town, open_page: OpenPage
) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    line = (
        f"DUOLOGUE_MAX_URL={town.sandbox.url} "
        f"DUOLOGUE_MAX_TOKEN={town.sandbox.token} python bot.py"
    )
    starter = page.get_by_role("region", name="Start a bot")
    expect(starter).to_contain_text(line)

    starter.get_by_role("button", name="Copy line").click()

    expect(starter.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == line


def test_start_waits_for_a_bot(open_page: OpenPage, be_there: BeThere) -> None:
    page = open_page()
    _create_user(page)
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_disabled()

    be_there()

    expect(start).to_be_enabled()
    expect(page.get_by_role("region", name="Start a bot")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_focus_goes_to_what_comes_next(
    town: Town, open_page: OpenPage, be_there: BeThere, width: int
) -> None:
    be_there()
    page = open_page(width=width)
    expect(page.get_by_text("Bot connected")).to_be_visible()
    expect(page.get_by_role("textbox", name="Your name")).to_be_focused()

    _create_user(page)
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_focused()
    start.press("Enter")

    field = page.get_by_role("textbox", name="Message")
    expect(field).to_be_focused()
    assert [u["update_type"] for u in town.updates()] == ["bot_started"]


@pytest.mark.usefixtures("ann")
def test_without_a_bot_the_focus_goes_to_the_field(open_page: OpenPage) -> None:
    page = open_page()

    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_a_message_that_comes_before_start_is_pressed_leaves_the_focus_somewhere(
    town: Town, open_page: OpenPage, be_there: BeThere
) -> None:
    be_there()
    page = open_page()
    expect(page.get_by_text("Bot connected")).to_be_visible()
    _create_user(page)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_focused()

    town.send("I was first", user_id=town.run(town.control.users())[0].user_id)

    expect(page.get_by_role("article")).to_contain_text("I was first")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_the_second_user_is_asked_for_and_never_the_first_again(
    town: Town, page: Page, ann: int
) -> None:
    page.get_by_role("button", name="Second user").click()
    asked = page.get_by_role("dialog", name="New user")
    asked.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("region", name="Second user")).to_have_count(0)
    page.get_by_role("button", name="Second user").click()
    asked.get_by_role("textbox", name="Name").fill("Bob")
    asked.get_by_role("button", name="Create user").click()

    second = page.get_by_role("region", name="Second user")
    who = second.get_by_role("combobox", name="You are")
    expect(who.locator("option:checked")).to_have_text("Bob")
    expect(second.get_by_role("textbox", name="Message")).to_be_focused()
    expect(who.locator(f'option[value="{ann}"]')).to_be_disabled()
    assert len(town.run(town.control.users())) == 2


def test_a_press_on_start_and_a_refused_request_have_their_traffic(
    town: Town, page: Page, ann: int, be_there: BeThere
) -> None:
    be_there()
    page.get_by_role("button", name="Start", exact=True).click()
    note = page.get_by_role("listitem").filter(has_text="You pressed Start")
    note.get_by_role("button", name="Traffic").click()
    records = page.locator("#records > li")
    expect(records).to_have_count(1)
    expect(records).to_contain_text("bot_started")

    town.call("POST", "/messages", {"text": 5}, user_id=ann)
    refused = page.get_by_role("listitem").filter(has_text="The bot was refused")
    refused.get_by_role("button", name="Traffic").click()

    expect(records).to_have_count(1)
    expect(records).to_contain_text("POST")
    expect(records).to_contain_text("400")


@pytest.mark.parametrize("width", [360, 1280])
def test_what_can_be_done_with_a_message_covers_no_text(
    town: Town, open_page: OpenPage, ann: int, width: int
) -> None:
    for _ in range(3):
        town.send("A long answer that fills its line. " * 6, user_id=ann)
        town.run(town.control.say(ann, "A long question that fills its line. " * 6))
        town.run(town.control.say(ann, "short"))
    page = open_page(width=width)
    if width == 360:
        page.get_by_role("button", name="Sandbox bot").click()
    articles = page.get_by_role("article")
    expect(articles).to_have_count(9)

    for number in range(3, 6):
        article = articles.nth(number)
        article.scroll_into_view_if_needed()
        article.click(position={"x": 5, "y": 5})
        tools = article.locator(".tools")
        expect(tools).to_have_css("opacity", "1")
        assert tools.evaluate(OVERLAP) == []


def test_a_button_does_not_move_away_from_under_a_finger(
    town: Town, open_page: OpenPage, ann: int
) -> None:
    town.send("menu", [button("Yes", "y")], user_id=ann)
    for number in range(12):
        town.run(town.control.say(ann, f"number {number}"))
    page = open_page(width=360)
    page.get_by_role("button", name="Sandbox bot").click()
    page.get_by_role("article").nth(3).click()
    yes = page.get_by_role("button", name="Yes")

    yes.click()

    expect(yes).to_have_attribute("aria-busy", "true")


def test_every_target_is_large_enough_for_a_finger(
    town: Town, open_page: OpenPage, ann: int
) -> None:
    town.call("PATCH", "/me/commands", {"commands": [{"name": "start"}]})
    town.run(town.control.send_file(ann, "a.txt", b"x"))
    town.send("menu", [button("Yes", "y"), button("No", "n")], user_id=ann)
    page = open_page(width=360)
    assert page.evaluate(SMALL) == []
    page.get_by_role("button", name="Sandbox bot").click()
    page.get_by_role("article").last.click(position={"x": 5, "y": 5})
    page.get_by_role("textbox", name="Message").fill("/")
    expect(_commands(page)).to_have_count(1)
    assert page.evaluate(SMALL) == []
    page.get_by_role("button", name="Traffic").last.click()
    expect(page.locator("#records > li")).to_have_count(1)
    assert page.evaluate(SMALL) == []
    page.get_by_role("button", name="Close traffic").click()
    page.get_by_role("button", name="Back to chats").click()
    page.get_by_role("button", name="New group").click()

    assert page.evaluate(SMALL) == []


def test_a_slash_offers_the_commands_of_the_bot(town: Town, page: Page) -> None:
    commands = [
        {"name": "start", "description": "Begin"},
        {"name": "stats", "description": "Numbers"},
        {"name": "help", "description": None},
    ]
    town.call("PATCH", "/me/commands", {"commands": commands})
    field = page.get_by_role("textbox", name="Message")
    offered = _commands(page)

    field.press_sequentially("/")
    expect(offered).to_have_text(["/startBegin", "/statsNumbers", "/help"])
    field.press_sequentially("st")
    expect(offered).to_have_count(2)
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", re.compile("-1$"))
    field.press("Enter")

    expect(page.get_by_role("article", name="You")).to_contain_text("/stats")
    expect(field).to_have_value("")
    expect(offered).to_have_count(0)


def test_tab_completes_a_command_and_escape_sends_the_menu_away(
    town: Town, page: Page
) -> None:
    town.call("PATCH", "/me/commands", {"commands": [{"name": "start"}]})
    field = page.get_by_role("textbox", name="Message")
    field.press_sequentially("/")
    expect(_commands(page)).to_have_count(1)

    field.press("Tab")
    expect(field).to_have_value("/start ")
    field.fill("/")
    expect(_commands(page)).to_have_count(1)
    field.press("Escape")

    expect(_commands(page)).to_have_count(0)
    expect(field).to_be_focused()


def test_every_landmark_has_a_label_of_its_own(
    town: Town, page: Page, ann: int
) -> None:
    town.add_user("Bob")
    option = page.get_by_role("option", name="Bob", include_hidden=True)
    expect(option.first).to_be_attached()
    page.get_by_role("button", name="Second user").click()
    expect(page.get_by_role("region", name="Second user")).to_be_visible()
    town.send("hello", user_id=ann)
    page.get_by_role("button", name="Traffic").last.press("Enter")

    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]

    roles = {"navigation", "region", "complementary", "main", "form", "banner"}
    landmarks = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if node.get("role", {}).get("value") in roles and not node["ignored"]
    ]
    assert len(landmarks) >= 7
    assert len(set(landmarks)) == len(landmarks)


def test_coloured_squares_need_no_font(town: Town, page: Page, ann: int) -> None:
    town.send("🟩🟩⬜ 67%", user_id=ann)

    squares = page.get_by_role("article").locator(".square")

    expect(squares).to_have_count(3)
    colours = squares.evaluate_all(
        "all => all.map((node) => getComputedStyle(node).backgroundColor)"
    )
    assert colours[0] == colours[1] != colours[2]
    expect(page.get_by_role("article").locator(".text")).to_have_text("🟩🟩⬜ 67%")


def test_when_nothing_comes_back_the_page_says_where_to_look(
    town: Town, page: Page, ann: int, be_there: BeThere
) -> None:
    page.clock.install()
    be_there()
    page.reload()
    expect(page.get_by_text("Bot connected")).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("boom")
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(page.get_by_role("article", name="You")).to_contain_text("boom")

    page.clock.fast_forward(8_500)
    expect(page.get_by_text("Nothing has come back for “boom” yet.")).to_be_visible()

    town.send("here I am", user_id=ann)
    expect(page.get_by_text("Nothing has come back")).to_have_count(0)


def test_a_press_that_was_taken_and_showed_nothing_says_so(
    town: Town, page: Page, ann: int, be_there: BeThere
) -> None:
    page.clock.install()
    be_there()
    page.reload()
    expect(page.get_by_text("Bot connected")).to_be_visible()
    town.send("menu", [button("Pay", "pay")], user_id=ann)
    page.get_by_role("button", name="Pay").click()
    town.answer(town.callback_id(), notification=" ")
    marker = town.call("GET", "/updates", timeout=0)["marker"]
    town.call("GET", "/updates", timeout=0, marker=marker)
    expect(page.locator("[aria-busy]")).to_have_count(0)

    # Whoever has taken it has nothing more to wait for than what it draws.
    page.clock.fast_forward(1_000)
    page.clock.fast_forward(2_500)

    note = page.get_by_text("The bot has taken “Pay” and shown nothing.")
    expect(note).to_contain_text("its terminal says why")


def test_a_picture_of_the_bot_from_elsewhere_is_a_link(
    town: Town, page: Page, ann: int
) -> None:
    image = {"type": "image", "payload": {"url": "https://example.org/cat.png"}}

    town.post({"text": "look", "attachments": [image]}, user_id=ann)

    link = page.get_by_role("article").get_by_role("link", name="image")
    expect(link).to_have_attribute("href", "https://example.org/cat.png")


def test_the_same_refusal_again_counts(town: Town, page: Page, ann: int) -> None:
    town.send("fine", user_id=ann)
    expect(page.get_by_role("article")).to_have_count(1)
    town.run(town.control.fault(FaultKind.STATUS, method="PUT", count=3))

    for _ in range(3):
        town.call("PUT", "/messages", {"text": "x"}, message_id="mid.none")

    expect(page.locator(".toast.bad")).to_contain_text("\u00d73")
