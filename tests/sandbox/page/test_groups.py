"""Groups, two users side by side, and what one sees of the other."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import Watch
from tests.sandbox.page.conftest import Town, button


def _pane(page: Page, which: str) -> Locator:
    return page.get_by_role("region", name=f"{which} user")


def _say(pane: Locator, text: str) -> None:
    field = pane.get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")


@pytest.fixture
def bob(town: Town) -> int:
    return town.add_user("Bob")


@pytest.fixture
def both(page: Page, bob: int) -> Page:
    option = page.get_by_role("option", name="Bob", include_hidden=True)
    expect(option.first).to_be_attached()
    page.get_by_role("button", name="Second user").click()
    second = _pane(page, "Second").get_by_role("combobox", name="You are")
    expect(second).to_have_value(str(bob))
    return page


def test_two_users_talk_to_the_bot_each_in_their_own_pane(
    town: Town, both: Page, ann: int, bob: int
) -> None:
    _say(_pane(both, "First"), "I am Ann")
    _say(_pane(both, "Second"), "I am Bob")
    for which, said in (("First", "I am Ann"), ("Second", "I am Bob")):
        said_by = _pane(both, which).get_by_role("article", name="You")
        expect(said_by).to_contain_text(said)
    town.send("hello Ann", user_id=ann)
    town.send("hello Bob", user_id=bob)

    first = _pane(both, "First").get_by_role("list", name="Messages")
    second = _pane(both, "Second").get_by_role("list", name="Messages")
    expect(first.get_by_role("article")).to_contain_text(["I am Ann", "hello Ann"])
    expect(second.get_by_role("article")).to_contain_text(["I am Bob", "hello Bob"])


def test_who_goes_on_in_the_other_pane_keeps_the_focus_there(both: Page) -> None:
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    both.route("**/control/actions", hold)
    with both.expect_request("**/control/actions"):
        _say(_pane(both, "First"), "I am Ann")
    field = _pane(both, "Second").get_by_role("textbox", name="Message")
    field.focus()

    routes[0].continue_()

    first = _pane(both, "First")
    expect(first.get_by_role("article", name="You")).to_contain_text("I am Ann")
    expect(first.get_by_role("textbox", name="Message")).to_have_value("")
    expect(field).to_be_focused()


def test_a_group_is_made_with_its_members_and_both_see_it(
    town: Town, both: Page, ann: int, bob: int
) -> None:
    first, second = _pane(both, "First"), _pane(both, "Second")
    first.get_by_role("button", name="New group").click()
    asked = both.get_by_role("dialog", name="New group")
    asked.get_by_role("textbox", name="Title").fill("Team")
    asked.get_by_role("checkbox", name="Bob").check()
    asked.get_by_role("button", name="Create group").click()
    expect(first.get_by_role("heading", name="Team")).to_be_visible()

    _say(first, "anybody here?")
    second.get_by_role("button", name="Team").click()

    expect(second.get_by_role("article", name="Ann")).to_contain_text("anybody here?")
    expect(second.get_by_text("Sandbox bot, Ann, Bob")).to_be_visible()
    group = town.run(town.control.chats(bob))[0]
    assert (group.title, group.is_group, group.members) == ("Team", True, (ann, bob))


def test_a_button_in_a_group_waits_only_for_who_pressed_it(
    town: Town, both: Page, ann: int, bob: int
) -> None:
    group = town.run(town.control.add_group("Team", [ann, bob]))
    for which in ("First", "Second"):
        _pane(both, which).get_by_role("button", name="Team").click()
    town.send("vote", [button("Yes", "y")], chat_id=group)
    mine = _pane(both, "First").get_by_role("button", name="Yes")
    other = _pane(both, "Second").get_by_role("button", name="Yes")

    mine.click()

    expect(mine).to_have_attribute("aria-busy", "true")
    expect(other).not_to_have_attribute("aria-busy", "true")
    town.answer(town.callback_id(), notification="Counted")
    toast = _pane(both, "First").get_by_text("Counted")
    expect(toast).to_be_visible()
    expect(_pane(both, "Second").get_by_text("Counted")).to_have_count(0)


def test_a_chat_that_is_not_open_counts_what_is_unread(
    town: Town, page: Page, ann: int
) -> None:
    group = town.run(town.control.add_group("Team", [ann]))
    chat = page.get_by_role("button", name="Team")
    expect(chat).to_be_visible()

    town.send("one", chat_id=group)
    town.send("two", chat_id=group)

    expect(chat).to_contain_text("two")
    expect(chat.get_by_label("2 unread")).to_be_visible()
    chat.click()
    expect(page.get_by_label("2 unread")).to_have_count(0)


def test_the_same_page_can_be_another_user(
    town: Town, page: Page, ann: int, bob: int
) -> None:
    town.send("for Bob", user_id=bob)
    town.send("for Ann", user_id=ann)
    expect(page.get_by_role("article")).to_contain_text(["for Ann"])

    page.get_by_role("combobox", name="You are").select_option("Bob")

    expect(page.get_by_role("article")).to_contain_text(["for Bob"])


def test_a_user_made_in_the_page_is_who_one_is_then(town: Town, page: Page) -> None:
    page.get_by_role("button", name="New user").click()
    asked = page.get_by_role("dialog", name="New user")
    asked.get_by_role("textbox", name="Name").fill("Cid")
    asked.get_by_role("button", name="Create user").click()

    who = page.get_by_role("combobox", name="You are")

    expect(who.locator("option:checked")).to_have_text("Cid")
    assert [user.name for user in town.run(town.control.users())] == ["Ann", "Cid"]


def test_a_double_click_creates_one_user(town: Town, page: Page) -> None:
    page.get_by_role("button", name="New user").click()
    asked = page.get_by_role("dialog", name="New user")
    asked.get_by_role("textbox", name="Name").fill("Cid")

    asked.get_by_role("button", name="Create user").dblclick()

    expect(asked).to_be_hidden()
    who = page.get_by_role("combobox", name="You are")
    expect(who.locator("option:checked")).to_have_text("Cid")
    assert [user.name for user in town.run(town.control.users())] == ["Ann", "Cid"]


def test_a_user_whose_chats_cannot_be_loaded_is_told(
    page: Page, bob: int, watch: Watch
) -> None:
    watch.expected.append("ERR_FAILED")
    option = page.get_by_role("option", name="Bob", include_hidden=True)
    expect(option).to_be_attached()
    page.route(f"**/control/users/{bob}/chats", lambda route: route.abort())

    page.get_by_role("combobox", name="You are").select_option("Bob")

    expect(page.get_by_text("The sandbox does not answer")).to_be_visible()


def test_the_second_user_is_hidden_where_there_is_no_room(
    both: Page,
) -> None:
    page = both
    expect(_pane(page, "Second")).to_be_visible()

    page.set_viewport_size({"width": 600, "height": 740})

    expect(_pane(page, "Second")).to_be_hidden()
    expect(_pane(page, "First")).to_be_visible()
