"""How long the web application of the page takes to end while a stream is open."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from duologue import Dispatcher
from duologue.testing import RecordingBot

PAGE = Path(__file__).parents[2] / "docs/embedding.md"
RECIPE = "    app.on_shutdown.append(end_streams)\n"
PATIENCE = inspect.signature(web.run_app).parameters["shutdown_timeout"].default


def _application(*, is_with_recipe: bool) -> web.Application:
    blocks = re.findall(
        r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL
    )
    (code,) = (block for block in blocks if RECIPE in block)
    code = code.replace("from bot import dispatcher\n", "")
    code = code.replace("from duologue.transport.max import Bot\n", "")
    if not is_with_recipe:
        code = code.replace(RECIPE, "")
    names: dict[str, object] = {
        "Bot": RecordingBot,
        "dispatcher": Dispatcher(),
        "__name__": "page",
    }
    exec(code, names)  # noqa: S102  # our own page
    return cast("Callable[[], web.Application]", names["make_app"])()


async def _served(app: web.Application) -> tuple[web.AppRunner, str]:
    """Serve as `web.run_app` does."""
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=PATIENCE)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, "http://{}:{}".format(*runner.addresses[0][:2])


async def _seconds_to_end(app: web.Application) -> float:
    """Stop in the middle of a stream."""
    runner, place = await _served(app)
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as client, client.get(f"{place}/work") as stream:
        await stream.content.readline()
        began = loop.time()
        await runner.cleanup()
        return loop.time() - began


@pytest.mark.parametrize(
    ("is_with_recipe", "least", "most"),
    # The worker looks once a second whether it is to stop.
    [(True, 0, 1.5), (False, PATIENCE, 3 * PATIENCE)],
    ids=["ends it", "waits for it"],
)
async def test_an_application_ends_its_streams_or_waits_more_than_a_minute_for_them(
    *, is_with_recipe: bool, least: float, most: float
) -> None:
    app = _application(is_with_recipe=is_with_recipe)

    seconds = await _seconds_to_end(app)

    assert least <= seconds <= most


async def test_a_page_that_is_closed_ends_its_stream_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = _application(is_with_recipe=True)
    (streams,) = (value for value in app.values() if isinstance(value, set))
    runner, place = await _served(app)
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{place}/work") as stream:
            await stream.content.readline()
            began = len(streams)
        await asyncio.sleep(5)
    left = len(streams)
    await runner.cleanup()

    assert (began, left) == (1, 0)
    assert [one for one in caplog.records if one.levelno > logging.INFO] == []
