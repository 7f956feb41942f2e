"""A sandbox whose bot has a webhook, and what stands behind that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from duologue.transport._server import ListenAddress, serve
from duologue.transport.max import Bot
from duologue.transport.sandbox import Control, Sandbox

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
