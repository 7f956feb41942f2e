"""The page recipes.md: each answer does what it says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from duologue import Dispatcher
from duologue.actors import Operation, Worker, Workers
from duologue.actors._pykka._functions import is_async
from duologue.dialogs import BgManagerFactory, Bot, Settings
from duologue.dialogs._progress._workers import DialogWorkers
from duologue.testing import Playground

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"


@pytest.fixture
def names() -> dict[str, object]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, object] = {"__name__": "recipes_page"}
    exec("\n".join(blocks), names)  # noqa: S102  # our own page
    return names


@pytest.fixture
async def chat(names: dict[str, object]) -> AsyncIterator[Playground]:
    dispatcher = cast("Dispatcher", names["dispatcher"])
    settings = cast("Settings", names["settings"])
    async with Playground(dispatcher, settings=settings) as chat:
        yield chat


def seen(chat: Playground, chat_id: int = 1) -> list[str]:
    """What the bot has written in a chat, the newest last."""
    return [each.text for each in chat.messages(chat_id) if each.user_id is None]


async def test_values_are_escaped_unless_they_bring_markup_or_the_text_says_so(
    chat: Playground,
) -> None:
    await chat.say(1, "/start")
    await chat.settled()
    await chat.click(1, "Profile")
    await chat.settled()
    await chat.say(1, "+31 20 123")
    await chat.settled()

    assert chat.screen(1).text == (
        "Your phone: <b>3120123</b>\n"
        'Our <a href="https://example.org/terms">terms</a>\n'
        "<i>new</i>"
    )


async def test_an_input_takes_what_its_filter_lets_through(chat: Playground) -> None:
    await chat.say(1, "/start")
    await chat.settled()
    await chat.click(1, "Profile")
    await chat.settled()

    await chat.say(1, "my number")
    await chat.say(1, "+my number")
    await chat.settled()

    answers = [text for text in seen(chat) if "number" in text]
    assert "A number begins with +, as in +31 20 123." in answers
    assert "“+my number” is no number." in answers


async def test_the_end_of_a_dialog_and_the_one_below_hear_of_the_result(
    chat: Playground,
) -> None:
    await chat.say(1, "/start")
    await chat.settled()
    await chat.click(1, "Profile")
    await chat.settled()
    await chat.say(1, "+1")
    await chat.settled()
    await chat.click(1, "Done")
    await chat.settled()

    window, message = seen(chat)[-2:]
    assert window == "Menu\nProfile: saved"
    assert message == "Your profile is saved."


async def test_the_menu_closes_what_is_open(chat: Playground) -> None:
    await chat.say(1, "/start")
    await chat.settled()
    await chat.click(1, "Profile")
    await chat.settled()
    await chat.say(1, "/start")
    await chat.settled()

    async with chat.dialog(1).fg() as manager:
        assert len(manager.current_stack().intents) == 1
    assert chat.screen(1).text == "Menu"


async def test_an_answer_is_changed_kept_and_deleted(chat: Playground) -> None:
    await chat.say(1, "/start")
    await chat.say(1, "/report")
    await chat.settled()
    with_report = seen(chat)
    await chat.say(1, "/forget")
    await chat.settled()

    assert with_report == ["Menu", "<b>Report</b>: 3 orders"]
    assert "<b>Report</b>: 3 orders" not in seen(chat)


async def test_users_are_answered_in_their_language(chat: Playground) -> None:
    raw = {**chat.bot.wrote(1, 1, "/hello"), "user_locale": "ru"}
    await chat.deliver(raw)
    await chat.say(2, "/hello")
    await chat.settled()

    assert seen(chat) == ["Привет!"]
    assert seen(chat, 2) == ["Hello!"]


async def test_a_text_where_nothing_is_open_brings_the_menu(chat: Playground) -> None:
    await chat.say(1, "anybody there?")
    await chat.settled()

    assert chat.screen(1).text == "Menu"


async def test_a_user_is_found_again_by_the_chat_of_the_last_message(
    chat: Playground, names: dict[str, object]
) -> None:
    remind = cast(
        "Callable[[Bot, BgManagerFactory, int], Awaitable[None]]", names["remind"]
    )
    await chat.say(5, "/start", chat_id=77)
    await chat.settled()

    await remind(chat.bot, chat.runtime.dispatcher.bg_factory, 5)
    await chat.settled()

    new = seen(chat, 77)[1:]
    assert set(new) == {"Please complete your profile.", "Your phone number?"}


async def test_a_reply_in_a_group_is_for_the_dialog_that_all_share(
    chat: Playground,
) -> None:
    await chat.say(1, "/poll", chat_id=-7)
    await chat.settled()
    (shown,) = [each for each in chat.messages(-7) if each.user_id is None]

    await chat.say(2, "Pizza", chat_id=-7, reply_to=shown.id)
    await chat.say(3, "not for the bot", chat_id=-7)
    await chat.settled()

    assert seen(chat, -7)[-1] == (
        "Where do we eat? Reply to this message.\nUser 2: Pizza"
    )


async def test_the_egg_boils_and_ends_with_its_dialog(chat: Playground) -> None:
    await chat.say(1, "/start")
    await chat.say(1, "/egg")
    await chat.settled()
    begun = chat.screen(1).text
    await asyncio.sleep(60.5)
    await chat.settled()
    boiling = chat.screen(1).text
    await chat.click(1, "Never mind")
    await chat.settled()

    assert (begun, boiling) == ("3 minutes", "2 minutes")
    assert chat.screen(1).text == "Menu"


async def test_a_turn_that_fails_is_answered_by_its_error_handler_only(
    chat: Playground,
) -> None:
    await chat.say(1, "/buy")
    await chat.settled()

    assert seen(chat) == ["Sold out."]
    assert chat.errors == ()


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("`workers` of a handler", DialogWorkers),
        ("`runtime.workers`", Workers),
        ("a `Worker`", Worker),
        ("the `Operation` of the body", Operation),
    ],
)
def test_the_table_names_the_coroutines(row: str, kind: type) -> None:
    line = next(
        line for line in PAGE.read_text().splitlines() if line.startswith(f"| {row} |")
    )
    _, _, awaited, at_once, _ = line.split("|")

    told = set(re.findall(r"`(\w+)\(", awaited))
    told_at_once = set(re.findall(r"`(\w+)[`(]| in (\w+)\(", at_once))
    public = {name for name in dir(kind) if not name.startswith("_")}
    coroutines = {name for name in public if is_async(getattr(kind, name))}

    assert told == coroutines
    assert told_at_once <= {(name, "") for name in public - coroutines} | {
        ("", "watch")
    }
