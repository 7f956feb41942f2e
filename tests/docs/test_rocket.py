"""The rocket of m3's page in a chat, from start to boom and stopped half-way, in virtual time."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from duologue import Dispatcher
from duologue.testing import Playground

EXAMPLE = Path(__file__).parents[2] / "examples/rocket.py"


@pytest.fixture
async def chat() -> AsyncIterator[Playground]:
    dispatcher = cast("Dispatcher", runpy.run_path(str(EXAMPLE))["dispatcher"])
    async with Playground(dispatcher) as chat:
        await chat.say(1, "/start")
        await chat.settled()
        yield chat


async def press(chat: Playground, label: str) -> None:
    await chat.click(1, label)
    await chat.settled()


async def passed(chat: Playground, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await chat.settled()


def seen(chat: Playground) -> tuple[list[str], tuple[str, ...]]:
    """The lines under the first one, and the buttons."""
    screen = chat.screen(1)
    return screen.text.splitlines()[1:], screen.labels[0]


async def test_the_rocket_flies_from_the_start_to_the_boom(chat: Playground) -> None:
    before = seen(chat)
    await press(chat, "Start")
    begun = seen(chat)
    await passed(chat, 61.5)
    half = seen(chat)
    await passed(chat, 60)
    after = seen(chat)
    history = [view.text for view in chat.bot.history(chat.screen(1).id)]

    assert before == (["К полету готов"], ("Start", "Ping"))  # noqa: RUF001  # Russian
    assert begun[1] == ("Ping", "Stop")
    assert half == (["█████░░░░░  50%", "Полет завершен на 50%"], ("Ping", "Stop"))
    assert after == (["██████████  100%", "Кабуууум!"], ("Start", "Ping"))
    assert any("Поехали!" in text for text in history)
    assert len(history) < 60  # it is asked each three seconds


async def test_the_rocket_is_stopped_half_way_and_starts_again(
    chat: Playground,
) -> None:
    await press(chat, "Start")
    await passed(chat, 60.5)
    await press(chat, "Stop")
    await passed(chat, 5)
    stopped = seen(chat)
    await press(chat, "Start")
    await passed(chat, 13)

    assert stopped == (["█████░░░░░  50%", "Полет отменен"], ("Start", "Ping"))
    assert seen(chat)[0] == ["█░░░░░░░░░  10%", "Полет завершен на 10%"]


async def test_a_ping_shows_what_the_rocket_says_at_once(chat: Playground) -> None:
    await press(chat, "Ping")
    idle = seen(chat)
    await press(chat, "Start")
    await passed(chat, 4.5)
    before = seen(chat)
    await press(chat, "Ping")

    assert idle[0] == ["К полету готов"]  # noqa: RUF001  # Russian
    assert before[0][1] == "Полет завершен на 2%"
    assert seen(chat)[0][1] == "Полет завершен на 3%"
