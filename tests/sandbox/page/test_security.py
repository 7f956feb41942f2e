"""Who gets in, and what hostile words can do: nothing."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import Watch
from tests.sandbox.page.conftest import OpenPage, Town, button

EVIL = '<img src=x onerror="alert(1)">'
SCRIPT = "<script>alert(2)</script>"


def test_the_token_leaves_the_address_bar_and_outlives_a_reload(
    town: Town, page: Page
) -> None:
    expect(page).to_have_url(f"{town.sandbox.url}/")

    page.reload()

    expect(page.get_by_role("combobox", name="You are")).to_be_visible()
    assert town.sandbox.control_token not in page.content()
    assert page.evaluate("document.cookie") == ""


def test_no_request_carries_the_token_in_its_address(
    town: Town, open_page: OpenPage
) -> None:
    page = open_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.reload()

    expect(page.get_by_role("textbox", name="Your name")).to_be_visible()

    assert len(addresses) > 10
    assert [a for a in addresses if not a.startswith(town.sandbox.url + "/")] == []
    assert [a for a in addresses if town.sandbox.control_token in a] == []


def test_without_a_token_the_page_asks_for_it(
    town: Town, open_page: OpenPage, watch: Watch
) -> None:
    watch.expected.append("401")
    page = open_page(url=town.sandbox.url)
    asked = page.get_by_role("dialog", name="Control token")
    expect(asked).to_contain_text("Open the page address that duologue sandbox printed")
    asked.get_by_label("Control token").fill("wrong")
    asked.get_by_role("button", name="Open").click()
    expect(asked).to_contain_text("The sandbox does not know this token.")

    asked.get_by_label("Control token").fill(town.sandbox.control_token)
    asked.get_by_role("button", name="Open").click()

    expect(page.get_by_role("textbox", name="Your name")).to_be_visible()


def test_hostile_words_are_only_words(
    town: Town, open_page: OpenPage, watch: Watch
) -> None:
    ann = town.add_user(f"Ann {EVIL}")
    bob = town.add_user(SCRIPT)
    group = town.run(town.control.add_group(f"Team {EVIL}", [ann, bob]))
    said = town.run(town.control.say(bob, f"{EVIL}{SCRIPT}", chat_id=group))
    town.run(town.control.send_file(bob, f"{EVIL}.txt", b"x", chat_id=group))
    keyboard = [button(f"Press {EVIL}", SCRIPT)]
    mid = town.send(f"bot {SCRIPT}", keyboard, chat_id=group)
    link = {"type": "reply", "mid": said.message_id}
    town.post({"text": "reply", "link": link}, chat_id=group)
    watch.expected.clear()
    page = open_page()
    page.get_by_role("button", name="Team").click()

    page.get_by_role("button", name="Press").click()
    town.answer(town.callback_id(), notification=f"toast {EVIL}")
    message = page.locator(f'[data-mid="{mid}"]')
    message.hover()
    message.get_by_role("button", name="Traffic").click()
    page.get_by_role("button", name="New group").click()

    expect(page.get_by_text(f"toast {EVIL}").first).to_be_visible()
    expect(page.get_by_text(f"bot {SCRIPT}").first).to_be_visible()
    expect(page.get_by_text(f"{EVIL}{SCRIPT}").first).to_be_visible()
    expect(page.get_by_role("heading", name=f"Team {EVIL}")).to_be_visible()
    expect(page.get_by_role("button", name=f"Download {EVIL}")).to_be_visible()
    expect(page.locator("#records")).to_contain_text(
        f"Press {EVIL}".replace('"', '\\"')
    )
    expect(page.get_by_role("checkbox", name=f"Ann {EVIL}")).to_be_visible()
    assert page.locator("main img, main script, #drawer img").count() == 0


def test_the_policy_stops_what_would_slip_through(page: Page, watch: Watch) -> None:
    watch.expected.extend(["Content Security Policy", "policy: ", "401"])

    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
    )
    page.evaluate(
        "document.body.append(Object.assign("
        "document.createElement('script'), {src: 'https://example.org/x.js'}))"
    )

    # The policy forbids what Playwright itself would wait with.
    page.evaluate("""async () => {
        while (violations.length < 2) await new Promise(requestAnimationFrame);
    }""")
    assert not [text for text in watch.problems if text.startswith("dialog")]
