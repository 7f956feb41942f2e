"""A site with an operation that the test drives, and a browser before it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Protocol

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Page

from duologue.actors import ActorSystem, Operation, Worker, Workers, WorkerSnapshot
from duologue.transport._server import serve
from duologue.transport.http import (
    AsyncAction,
    BackgroundOperationBar,
    actions_application,
    allow_actions,
)
from tests.browser import Tabs

TOKEN = "a-long-token-of-the-door"  # noqa: S105  # of this test
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'"
)


class Driven:
    """Does what the test says."""

    def __init__(self) -> None:
        self.operation: Operation | None = None

    async def run(self, operation: Operation) -> str:
        self.operation = operation
        await operation.stopping()
        return "stopped"


class Site:
    """The site, in a thread of its own.

    Attributes:
        refused: Statuses by the ends of paths that a proxy in between answers.
        asked: What was asked for: methods and paths.
    """

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self.url = ""
        self.body = Driven()
        self.workers: Workers | None = None
        self.refused: dict[str, int] = {}
        self.asked: list[str] = []
        self.bar = BackgroundOperationBar(
            label="Import", text="ready", url="/actions/import", boundary="b"
        )
        self.words = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        body = self.body

        class Import(AsyncAction):
            url = "/import"
            shortname = "import"

            @classmethod
            def body(cls, parameters: Mapping[str, object]) -> object:
                if parameters.get("fail"):
                    raise ValueError("not with fail")
                return Body()

            worker_cls: ClassVar[object] = Driven

        class Body:
            async def run(self, operation: Operation) -> str:
                body.operation = operation
                await operation.stopping()
                return "stopped"

        @web.middleware
        async def between(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.asked.append(f"{request.method} {request.path}")
            for end, status in self.refused.items():
                if request.path.endswith(end):
                    return web.Response(status=status, text="a proxy says no")
            return await handler(request)

        app = web.Application(middlewares=[between])
        app.router.add_get("/", self._page)
        async with (
            ActorSystem() as system,
            Workers(system, grace=0.2) as workers,
        ):
            self.workers = workers
            door = actions_application(workers, [Import], token=TOKEN)
            app.add_subapp("/actions", door)
            async with serve(app) as place:
                self.url = place.url
                yield

    async def _page(self, _: web.Request) -> web.Response:
        response = web.Response(
            text=f'<!doctype html><html lang="en"><meta charset="utf-8"><meta '
            'name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f'<title>t</title><script type="module" src="/actions/operation-bar.js">'
            f"</script><main {self.words}>{self.bar}</main>",
            content_type="text/html",
            headers={"Content-Security-Policy": f"{POLICY}; img-src data:"},
        )
        allow_actions(response, TOKEN, owner="alice", path="/actions")
        return response

    def report(self, value: float | None = None, text: str | None = None) -> None:
        """Let the operation say something."""
        operation = self.body.operation
        assert operation is not None
        self._portal.call(operation.report, value, text)

    def start(self, *, question: str = "") -> Worker:
        """Start the operation, as a chat may: not by the page; it may ask for something."""
        workers = self.workers
        assert workers is not None

        async def begin() -> Worker:
            async def run(operation: Operation) -> str:
                self.body.operation = operation
                if question:
                    return f"for {await operation.ask(question)}"
                await operation.stopping()
                return "stopped"

            return await workers.start(run, owner="alice", key="import/b")

        return self._portal.call(begin)

    def stop(self) -> WorkerSnapshot:
        """Stop what runs."""
        workers = self.workers
        assert workers is not None

        async def end() -> WorkerSnapshot:
            worker = workers.running("import/b", owner="alice")
            assert worker is not None
            await worker.stop("it is late")
            return await worker.finished()

        return self._portal.call(end)


@pytest.fixture
def site(portal: BlockingPortal) -> Iterator[Site]:
    made = Site(portal)
    with portal.wrap_async_context_manager(made.running()):
        yield made


class OpenBar(Protocol):
    """Opens the page of the site."""

    def __call__(self, *, width: int = 1280, **options: str) -> Page: ...


@pytest.fixture
def open_bar(site: Site, tabs: Tabs) -> OpenBar:
    def open_(*, width: int = 1280, **options: str) -> Page:
        return tabs.open(site.url, width=width, **options)

    return open_


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


Evaluate = Callable[[str], object]
