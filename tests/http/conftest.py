"""Bots whose numbers are looked at, in the sandbox and in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from duologue import Dispatcher
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    ShowMode,
    StartMode,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport.sandbox import Control, Sandbox


class Shop(StatesGroup):
    counting = State()


async def add(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] += 1


async def fail(_: Callback, __: object, ___: DialogManager) -> None:
    raise ArithmeticError("the text of a user")


async def spoil(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = object()


async def wait(_: Callback, __: object, ___: DialogManager) -> None:
    await asyncio.sleep(3)


async def begin(_: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = 0


async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
    await dialog_manager.start(
        Shop.counting, mode=StartMode.RESET_STACK, show_mode=ShowMode.SEND
    )


@pytest.fixture
def dispatcher() -> Dispatcher:
    """Opens a shop with a counter at every message that begins with a stroke."""
    dispatcher = Dispatcher()
    dispatcher.include_router(
        Dialog(
            Window(
                Format("{dialog_data}"),
                Button(Const("add"), id="add", on_click=add),
                Button(Const("fail"), id="fail", on_click=fail),
                Button(Const("wait"), id="wait", on_click=wait),
                Button(Const("spoil"), id="spoil", on_click=spoil),
                state=Shop.counting,
            ),
            on_start=begin,
        )
    )
    dispatcher.message.register(start, lambda message: message.text.startswith("/"))
    return dispatcher


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[Control]:
    async with sandbox.control() as control:
        yield control
