"""The page for every screen, every input and every eye."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.sandbox.page.conftest import OpenPage, Town, button

LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 8
NAMED = {
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "link",
    "log",
    "navigation",
    "region",
    "textbox",
}
CONTRAST = """() => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const ink = canvas.getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        ink.clearRect(0, 0, 1, 1);
        ink.fillStyle = color;
        ink.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = ink.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [R, G, B]) =>
        [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const ground = (node) => {
        if (!node) return [255, 255, 255];
        const color = rgba(getComputedStyle(node).backgroundColor);
        return color[3] === 1 ? color : over(color, ground(node.parentElement));
    };
    const light = (color) => {
        const [r, g, b] = color.map((c) => c / 255).map(
            (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
        if (node.closest(".tools, .news, noscript")) continue;
        const behind = ground(node);
        const color = rgba(getComputedStyle(node).color);
        color[3] *= Number(getComputedStyle(node).opacity);
        const [a, b] = [light(over(color, behind)), light(behind)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        found.push([walker.currentNode.data.trim().slice(0, 30), ratio]);
    }
    return found;
}"""


def _fill(town: Town, ann: int) -> None:
    """Let everything be on the screen that a chat can show."""
    said = town.run(town.control.say(ann, LONG))
    town.run(town.control.send_file(ann, LONG[:100] + ".txt", b"x", text="مرحبا"))
    rows = [
        [button("Yes", "y", intent="positive"), button("No", "n", intent="negative")],
        [button(LONG[:120], "long")],
        [
            button("Site", kind="link", url="https://example.org/"),
            button("Contact", kind="request_contact"),
        ],
    ]
    town.send(LONG, *rows, user_id=ann)
    html = "<b>b</b> <code>c</code> <mark>m</mark> <a href='https://e.org/'>a</a>"
    link = {"type": "reply", "mid": said.message_id}
    town.post({"text": html, "format": "html", "link": link}, user_id=ann)


def _no_sideways(page: Page) -> list[str]:
    wide: list[str] = page.evaluate("""() => [...document.querySelectorAll("*")]
        .filter((node) => node.scrollWidth > node.clientWidth + 1)
        .filter((node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX)
            || node === document.documentElement)
        .map((node) => node.className || node.tagName)""")
    return wide


def _tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press a key until something has the focus, which must be seen all the way."""
    for _ in range(30):
        page.keyboard.press(key)
        ring = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "solid" in ring, page.evaluate("document.activeElement.outerHTML")
        if target.evaluate("node => node === document.activeElement"):
            return
    pytest.fail(f"{key} does not reach {target}")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_is_wider_than_a_small_phone(
    town: Town, open_page: OpenPage, ann: int, direction: str
) -> None:
    _fill(town, ann)
    page = open_page(width=360)
    page.evaluate("direction => { document.dir = direction; }", direction)
    assert _no_sideways(page) == []

    page.get_by_role("button", name="Sandbox bot").click()
    expect(page.get_by_role("article")).to_have_count(4)
    assert _no_sideways(page) == []
    page.get_by_role("article").last.click()
    page.get_by_role("button", name="Traffic").last.click()
    expect(page.locator("#records > li")).to_have_count(1)
    assert _no_sideways(page) == []
    page.get_by_role("button", name="Close traffic").click()
    page.get_by_role("button", name="Back to chats").click()
    expect(page.get_by_role("navigation", name="Chats")).to_be_visible()
    page.get_by_role("button", name="New group").click()

    assert _no_sideways(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_conversation_needs_no_mouse(town: Town, page: Page, ann: int) -> None:
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    town.send("choose", [button("Yes", "y"), button("No", "n")], user_id=ann)
    expect(page.get_by_role("button", name="Yes")).to_be_visible()

    _tab_to(page, page.get_by_role("button", name="Yes"), "Shift+Tab")
    page.keyboard.press("Enter")
    town.answer(town.callback_id(), message={"text": "chosen", "attachments": []})

    bots = page.get_by_role("article", name="Sandbox bot")
    expect(bots).to_contain_text("chosen")
    expect(bots).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("article", name="You")).to_be_focused()
    page.keyboard.press("End")
    _tab_to(page, bots.get_by_role("button", name="Traffic"))
    page.keyboard.press("Enter")
    expect(page.locator("#records > li")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(bots.get_by_role("button", name="Traffic")).to_be_focused()


def test_everything_one_can_use_has_a_name(
    town: Town, open_page: OpenPage, ann: int
) -> None:
    _fill(town, ann)
    page = open_page(width=1800)
    page.get_by_role("button", name="Second user").click()
    asked = page.get_by_role("dialog", name="New user")
    asked.get_by_role("textbox", name="Name").fill("Bob")
    asked.get_by_role("button", name="Create user").click()
    expect(page.get_by_role("region", name="Second user")).to_be_visible()
    page.get_by_role("button", name="Traffic").last.press("Enter")
    expect(page.locator("#records > li")).to_have_count(1)

    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]

    walked = [n for n in nodes if n.get("role", {}).get("value") in NAMED]
    roles = {node["role"]["value"] for node in walked}
    assert roles >= NAMED - {"checkbox", "dialog"}
    nameless = [n for n in walked if not n.get("name", {}).get("value", "").strip()]
    assert nameless == []


def test_an_edit_is_not_read_out_again(town: Town, page: Page, ann: int) -> None:
    mid = town.send("0 %", user_id=ann)
    log = page.get_by_role("log", name="New messages")
    expect(log).to_have_text("Sandbox bot: 0 %")
    expect(log).to_have_attribute("aria-live", "polite")

    town.edit(mid, "50 %")
    town.edit(mid, "100 %")
    expect(page.get_by_role("article")).to_contain_text("100 %")
    town.send("done", user_id=ann)

    expect(log.get_by_role("paragraph")).to_have_text(
        ["Sandbox bot: 0 %", "Sandbox bot: done"]
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    town: Town, open_page: OpenPage, ann: int, scheme: str
) -> None:
    _fill(town, ann)
    group = town.run(town.control.add_group("Team", [ann]))
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    expect(page.get_by_role("article")).to_have_count(4)
    town.send("unread", chat_id=group)
    town.call("POST", "/messages", {}, user_id=ann)
    expect(page.get_by_text("The bot was refused").first).to_be_visible()
    page.get_by_role("button", name="Traffic").last.press("Enter")
    expect(page.locator("#records > li")).to_have_count(1)
    page.get_by_role("button", name="New group").click()

    ratios = page.evaluate(CONTRAST)

    assert len(ratios) > 50
    assert [(text, round(ratio, 2)) for text, ratio in ratios if ratio < 4.5] == []


@pytest.mark.parametrize(
    ("wish", "moves"), [("no-preference", True), ("reduce", False)]
)
def test_who_wants_no_motion_gets_none(
    town: Town, open_page: OpenPage, ann: int, wish: str, *, moves: bool
) -> None:
    town.send("menu", [button("Yes", "y")], user_id=ann)
    page = open_page(reduced_motion=wish)

    page.get_by_role("button", name="Yes").click()

    expect(page.get_by_role("button", name="Yes")).to_have_attribute(
        "aria-busy", "true"
    )
    assert page.evaluate("document.getAnimations().length > 0") is moves


def test_text_runs_in_the_direction_of_its_language(
    town: Town, page: Page, ann: int
) -> None:
    town.send("مرحبا بالجميع", user_id=ann)

    text = page.get_by_role("article").locator(".text")

    expect(text).to_be_visible()
    assert text.evaluate("node => node.matches(':dir(rtl)')")


def test_colours_of_the_system_leave_bubbles_and_the_open_chat_visible(
    town: Town, open_page: OpenPage, ann: int
) -> None:
    town.send("hello", user_id=ann)
    page = open_page(forced_colors="active")
    expect(page.get_by_role("article")).to_have_count(1)

    borders = page.evaluate("""() => [".bubble", "[aria-current]"].map(
        (part) => getComputedStyle(document.querySelector(part)).borderTopStyle)""")

    assert borders == ["solid", "solid"]
