"""The gallery, as the program that it is: served, looked at, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect

from duologue.__main__ import main
from duologue.actors import ActorSystem, Workers
from duologue.transport._server import serve
from duologue.transport.http._gallery._site import EXHIBITS, gallery
from tests.browser import Tabs


@asynccontextmanager
async def program(
    *options: str, **surroundings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "duologue",
        "operations-demo",
        *options,
        env={**os.environ, **surroundings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def address(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith("Long operations, live in the browser: http://127.0.0.1:")
    return line.split()[-1]


@pytest.mark.real_time
async def test_ctrl_c_ends_it_also_while_something_runs(tmp_path: Path) -> None:
    opener = tmp_path / "browser"
    opener.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "opened"}\n')
    opener.chmod(0o755)
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        program("--open", BROWSER=str(opener)) as process,
        aiohttp.ClientSession(cookie_jar=jar) as browser,
    ):
        url = await address(process)
        await browser.get(url)
        async with browser.post(
            f"{url}/actions/rocket",
            data={"command": "start"},
            headers={"Origin": url},
        ) as answer:
            begun = await answer.json()
        stream = await browser.get(f"{url}{begun['links']['events']}")
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        stream.close()

    assert begun["text"] == "Поехали!"
    assert (process.returncode, errors) == (0, b"")
    assert (tmp_path / "opened").read_text() == f"{url}\n"


@pytest.mark.real_time
async def test_a_port_that_is_taken_is_said_in_a_line() -> None:
    async with program() as first:
        port = (await address(first)).rpartition(":")[2]
        async with program("--port", port) as second:
            _, errors = await second.communicate()

    assert second.returncode == 2
    assert errors.decode().startswith("duologue operations-demo: 127.0.0.1:")
    assert errors.count(b"\n") == 1


@pytest.mark.parametrize("port", ["x", "65536", "-1"])
def test_what_is_no_port_is_refused(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["operations-demo", "--port", port])

    assert "a port is a number" in capsys.readouterr().err


@pytest.fixture
def url(portal: BlockingPortal) -> Iterator[str]:
    @asynccontextmanager
    async def running() -> AsyncIterator[str]:
        async with (
            ActorSystem() as system,
            Workers(system, grace=0.5) as workers,
            serve(gallery(workers)) as place,
        ):
            yield place.url

    with portal.wrap_async_context_manager(running()) as place:
        yield place


def test_another_host_is_refused(url: str) -> None:
    request = urllib.request.Request(url, headers={"Host": "evil.example"})  # noqa: S310  # our own

    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)  # noqa: S310  # our own


def test_the_rocket_of_m3_flies_and_is_called_back_by_its_three_buttons(
    url: str, tabs: Tabs
) -> None:
    page = tabs.open(url)
    rocket = page.locator("section", has_text="The rocket")
    bar, out = rocket.locator("operation-bar"), rocket.locator("output")
    buttons = rocket.locator(".buttons")
    expect(out).to_have_text("К полёту готов")  # noqa: RUF001  # Russian

    buttons.get_by_role("button", name="Start").click()
    expect(bar).to_have_attribute("state", "running")
    buttons.get_by_role("button", name="Ping").click()
    expect(out).to_contain_text("Полёт завершён на")
    buttons.get_by_role("button", name="Stop").click()

    expect(bar).to_have_attribute("state", "cancelled")
    expect(out).to_have_text("Полёт отменён")


@pytest.mark.parametrize("width", [320, 1000])
def test_every_bar_of_the_gallery_moves_and_nothing_overflows(
    url: str, tabs: Tabs, width: int
) -> None:
    page = tabs.open(url, width=width)
    for button in page.locator("button[data-call=start]").all():
        button.click()

    moved = page.locator("operation-bar:is([state=running], [state=failed])")
    expect(moved).to_have_count(len(EXHIBITS))
    expect(page.get_by_text("the disk is full").first).to_be_visible()
    expect(page.get_by_text('<img src=x onerror="document').first).to_be_visible()
    assert page.title() == "Operations"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.locator("button[data-call=stop]").all():
        button.click()
