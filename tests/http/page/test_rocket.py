"""The page of m3, word for word: its worker, its action, its bar and its three buttons."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import web
from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect

from duologue.actors import ActorSystem, Workers
from duologue.transport._server import serve
from duologue.transport.http import (
    AsyncAction,
    BackgroundOperationBar,
    actions_application,
    allow_actions,
    get_acton_url,
)
from tests.browser import Tabs

LISTING = Path(__file__).parents[2] / "seeds" / "listings" / "missile.txt"
TOKEN = "a-long-token-of-the-door"  # noqa: S105  # of this test


class Quick:
    """The `time` of the page, a hundred times as fast."""

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(seconds / 100)


def rocket() -> object:
    namespace: dict[str, object] = {"__name__": "actions", "time": Quick}
    exec(compile(LISTING.read_text("utf-8"), "actions.py", "exec"), namespace)  # noqa: S102  # running the listing is what is tested
    return namespace["MissleLaunch"]


class TheAsyncAction(AsyncAction):
    url = "/async"
    shortname = "async_action"
    worker_cls: ClassVar[object] = rocket()


def bar() -> BackgroundOperationBar:
    return BackgroundOperationBar(
        label="Время полета",
        text="К полету готов",  # noqa: RUF001  # Russian
        value=0.0,
        interval=3000,
        url=get_acton_url("async_action"),
    )


async def page(_: web.Request) -> web.Response:
    response = web.Response(
        text='<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
        f'<script type="module" src="/actions/operation-bar.js"></script>{bar()}',
        content_type="text/html",
    )
    allow_actions(response, TOKEN, owner="alice", path="/actions")
    return response


@pytest.fixture
def url(portal: BlockingPortal) -> Iterator[str]:
    @asynccontextmanager
    async def running() -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/", page)
        async with ActorSystem() as system, Workers(system, ping_timeout=30) as workers:
            door = actions_application(workers, [TheAsyncAction], token=TOKEN)
            app.add_subapp("/actions", door)
            async with serve(app) as place:
                yield place.url

    with portal.wrap_async_context_manager(running()) as place:
        yield place


def test_the_rocket_flies_to_the_boom_and_back_half_way(url: str, tabs: Tabs) -> None:
    opened = tabs.open(url)
    element, out = opened.locator("operation-bar"), opened.locator("output")
    expect(out).to_have_text("К полету готов")  # noqa: RUF001  # Russian

    opened.evaluate(bar().start())
    expect(out).to_contain_text("Полет завершен на")
    expect(element).to_have_attribute("state", "succeeded")
    expect(out).to_have_text("Кабуууум!")
    expect(opened.get_by_role("progressbar")).to_have_js_property("value", 1)

    opened.evaluate(bar().start())
    expect(element).to_have_attribute("state", "running")
    opened.evaluate(bar().ping())
    opened.evaluate(bar().stop())
    expect(element).to_have_attribute("state", "cancelled")
    expect(out).to_have_text("Полет отменен")
