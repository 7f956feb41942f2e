"""A sandbox whose bot has a webhook, and what stands behind that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from duologue import Dispatcher
from duologue.dialogs import (
    Callback,
    Dialog,
    DialogManager,
    MessageCreated,
    State,
    StatesGroup,
    Window,
)
from duologue.dialogs.routing import Command
from duologue.dialogs.widgets.kbd import Button
from duologue.dialogs.widgets.text import Const, Format
from duologue.transport._server import ListenAddress, serve
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, DeliveryState, Sandbox

SECRET = "a-secret-of-this-test"  # noqa: S105  # it opens nothing
HEADER = "X-Max-Bot-Api-Secret"


@dataclass
class Receiver:
    """What stands behind a webhook: notes what comes, and answers as it is told.

    Attributes:
        statuses: What it answers first; 200 when there are no more.
        bodies: What came.
        secrets: What came along with each.
        times: When.
    """

    statuses: list[int] = field(default_factory=list)
    bodies: list[Mapping[str, object]] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    place: ListenAddress | None = None

    @property
    def url(self) -> str:
        assert self.place is not None
        return f"{self.place.url}/hook"

    @property
    def texts(self) -> list[str]:
        """What people said in the messages that came."""
        return [text_of(body) for body in self.bodies]

    async def take(self, request: web.Request) -> web.Response:
        self.times.append(asyncio.get_running_loop().time())
        self.bodies.append(await request.json())
        self.secrets.append(request.headers.get(HEADER))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


def text_of(update: Mapping[str, object]) -> str:
    message = update["message"]
    assert isinstance(message, dict)
    return str(message["body"]["text"])


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver, None]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    async with serve(app) as receiver.place:
        yield receiver


@pytest.fixture
async def sandbox() -> AsyncGenerator[Sandbox, None]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return sandbox.control()


@pytest.fixture
async def ann(control: Control) -> int:
    return await control.add_user("Ann")


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncGenerator[Bot, None]:
    started = Bot(sandbox.token, base_url=sandbox.url)
    await started.start()
    yield started
    await started.close()


class Counting(StatesGroup):
    pressing = State()


async def count(_: Callback, __: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = manager.dialog_data.get("n", 0) + 1


@pytest.fixture
def heard() -> list[str]:
    """What the bot was told, in order."""
    return []


@pytest.fixture
def dispatcher(heard: list[str]) -> Dispatcher:
    """A bot that echoes texts, and counts presses when it is told to start."""
    dispatcher = Dispatcher()

    @dispatcher.message(Command("start"))
    async def start(_: MessageCreated, dialog_manager: DialogManager) -> None:
        await dialog_manager.start(Counting.pressing)

    @dispatcher.message()
    async def echo(message: MessageCreated) -> None:
        heard.append(message.text)
        if message.text.startswith("wait"):
            await asyncio.sleep(float(message.text.split()[1]))
        await message.answer(f"heard {message.text}")

    dispatcher.include_router(
        Dialog(
            Window(
                Format("pressed {dialog_data[n]}", when="dialog_data"),
                Button(Const("+"), "more", on_click=count),
                state=Counting.pressing,
            ),
            on_start=_begin,
        )
    )
    return dispatcher


async def _begin(_: object, manager: DialogManager) -> None:
    manager.dialog_data["n"] = 0


async def has_webhook(control: Control) -> None:
    """Wait until the bot has set one."""
    while not await control.webhooks():  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.1)


async def delivered(control: Control, count: int) -> None:
    """Wait until so many deliveries are over."""
    pause = 0.1
    while True:
        known = await control.deliveries()
        if sum(one.state is not DeliveryState.WAITING for one in known) >= count:
            return
        await asyncio.sleep(pause)
        pause *= 2
