"""The bakery of the examples, in virtual time: what ends early, and what is refused."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from duologue import Dispatcher
from duologue.dialogs import Settings, View
from duologue.testing import Playground

EXAMPLE = Path(__file__).parents[2] / "examples" / "bakery.py"


@pytest.fixture
async def chat() -> AsyncIterator[Playground]:
    names: dict[str, object] = runpy.run_path(str(EXAMPLE))
    dispatcher = cast("Dispatcher", names["dispatcher"])
    settings = cast("Settings", names["settings"])
    async with Playground(dispatcher, settings=settings) as chat:
        yield chat


async def talk(chat: Playground, *steps: str) -> None:
    """Press what is a button, and write everything else."""
    for step in steps:
        labels = [label for m in chat.messages(1) for row in m.labels for label in row]
        await (chat.click(1, step) if step in labels else chat.say(1, step))
        await chat.settled()


def seen(chat: Playground) -> list[str]:
    return [each.text for each in chat.messages(1) if each.user_id is None]


async def test_the_oven_ends_with_the_order_that_is_called_off(
    chat: Playground,
) -> None:
    await talk(chat, "/start", "Order a cake", "Ann", "Apple cake", "+", "That's it")
    baking = seen(chat)[-1]
    await talk(chat, "Call it off")
    await asyncio.sleep(600)

    assert baking == "Apple cake for <b>Ann</b>\nwith 1 candles\nready in 3 minutes"
    assert seen(chat)[-1] == "The oven is off."


async def test_a_cake_that_is_baked_is_given_out(chat: Playground) -> None:
    await talk(chat, "/start", "Order a cake", "Ann", "Poppy cake", "That's it")
    await asyncio.sleep(600)
    await chat.settled()

    assert seen(chat)[-1] == "Here you are!"


async def test_going_back_from_the_candles_lets_the_customer_pick_again(
    chat: Playground,
) -> None:
    await talk(chat, "/start", "Order a cake", "Ann", "Poppy cake", "Cancel")

    assert seen(chat)[-1] == "Which cake, <b>Ann</b>?"


async def test_an_old_button_brings_the_menu(chat: Playground) -> None:
    old = await chat.bot.send_now(1, View("of a run before this one"))

    await chat.press(1, "u" + "A" * 22 + ":order", message_id=old)
    await chat.settled()

    assert seen(chat)[1:] == ["<b>The bakery</b> is open."]
