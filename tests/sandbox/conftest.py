"""A running sandbox, a bot that talks raw HTTP to it, and a clock that can jump."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
import pytest

from duologue.transport.sandbox import Control, Sandbox


class JumpingLoop(asyncio.SelectorEventLoop):
    """A real loop whose time can be held and moved forward."""

    ahead = 0.0
    held: float | None = None

    def time(self) -> float:
        now = super().time() if self.held is None else self.held
        return now + self.ahead


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], JumpingLoop]]:
    return {"jumping": JumpingLoop}


@pytest.fixture
async def pass_time() -> Callable[[float], None]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)

    def jump(seconds: float) -> None:
        loop.ahead += seconds

    return jump


@pytest.fixture
async def held_time() -> AsyncIterator[None]:
    """Let no time pass but what the test lets pass, however slow the machine is."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    loop.held = loop.time()
    yield
    loop.held = None


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(limits=False) as running:
        yield running


@pytest.fixture
async def control(sandbox: Sandbox) -> Control:
    return sandbox.control()


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": sandbox.token}
    async with aiohttp.ClientSession(sandbox.url, headers=headers) as session:
        yield session


@pytest.fixture
async def ann(control: Control) -> int:
    return await control.add_user("Ann")
