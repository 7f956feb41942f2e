"""The example that reminds its users, in virtual time."""

from __future__ import annotations

import asyncio
import runpy
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from duologue import Dispatcher
from duologue.testing import Playground, RecordingBot
from duologue.transport.sqlite import SqliteEngine

EXAMPLE = Path(__file__).parents[2] / "examples/reminder.py"


@pytest.fixture
def dispatcher() -> Dispatcher:
    return cast("Dispatcher", runpy.run_path(str(EXAMPLE))["dispatcher"])


async def passed(span: timedelta) -> None:
    await asyncio.sleep(span.total_seconds() + 1)


async def asked_for(chat: Playground, text: str, when: str) -> None:
    """Have the bot remind user 1."""
    await chat.click(1, "Remind me")
    await chat.settled()
    await chat.say(1, text)
    await chat.settled()
    await chat.click(1, when)
    await chat.settled()


async def begun(chat: Playground) -> None:
    await chat.say(1, "/start")
    await chat.settled()


async def test_it_reminds_tomorrow_in_a_new_message(dispatcher: Dispatcher) -> None:
    async with Playground(dispatcher) as chat:
        await begun(chat)
        await asked_for(chat, "Buy milk", "tomorrow")
        waiting = chat.screen(1)
        await passed(timedelta(days=1))
        reminded = chat.screen(1)
        await chat.click(1, "Noted")
        await chat.settled()
        noted = chat.screen(1)

    assert waiting.labels == (("✗ Buy milk, tomorrow",), ("Remind me",))
    assert reminded.text == "⏰ Buy milk\nI remind you of what you like."
    assert reminded.labels == (("Noted",), ("Remind me",))
    assert reminded.id != waiting.id
    assert noted.labels == (("Remind me",),)


async def test_what_is_pressed_in_the_list_is_forgotten(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await begun(chat)
        await asked_for(chat, "Buy milk", "in an hour")
        await asked_for(chat, "Call Ann", "in an hour")
        await chat.click(1, "✗ Buy milk, in an hour")
        await chat.settled()
        await passed(timedelta(hours=1))

        assert chat.screen(1).text == "⏰ Call Ann\nI remind you of what you like."


async def test_what_is_due_during_the_form_is_shown_there(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await begun(chat)
        await asked_for(chat, "Buy milk", "in an hour")
        await chat.click(1, "Remind me")
        await passed(timedelta(hours=1))
        in_the_form = chat.screen(1).text
        await chat.say(1, "Call Ann")
        await chat.settled()
        await chat.click(1, "tomorrow")
        await chat.settled()

        assert in_the_form == "⏰ Buy milk\nOf what?"
        assert ("✗ Call Ann, tomorrow",) in chat.screen(1).labels


async def test_every_morning_comes_again_and_stays_in_the_list(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await begun(chat)
        await asked_for(chat, "Stretch", "every morning")
        for _ in range(2):
            await passed(timedelta(days=1))
            assert chat.screen(1).text.startswith("⏰ Stretch\n")
            await chat.click(1, "Noted")
            await chat.settled()
        await chat.click(1, "✗ Stretch, every morning")
        await chat.settled()
        await passed(timedelta(days=1))

        assert chat.screen(1).text == "I remind you of what you like."


async def test_a_reminder_comes_after_a_restart_late_if_it_must(
    dispatcher: Dispatcher, tmp_path: Path
) -> None:
    engine, bot = SqliteEngine(tmp_path / "state.db"), RecordingBot()
    async with Playground(dispatcher, engine=engine, bot=bot) as chat:
        await begun(chat)
        await asked_for(chat, "Buy milk", "tomorrow")

    await passed(timedelta(days=3))
    async with Playground(dispatcher, engine=engine, bot=bot) as chat:
        await passed(timedelta(seconds=1))

        assert chat.screen(1).text.startswith("⏰ Buy milk\n")


async def test_start_shows_the_list_and_keeps_the_reminders(
    dispatcher: Dispatcher,
) -> None:
    async with Playground(dispatcher) as chat:
        await begun(chat)
        await asked_for(chat, "Buy milk", "tomorrow")
        await begun(chat)
        await passed(timedelta(days=1))

        assert chat.screen(1).text.startswith("⏰ Buy milk\n")
