"""A door to long operations, and programs and pages that use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

import aiohttp
import pytest
from aiohttp import web

from duologue import Dispatcher, Runtime
from duologue.actors import Operation, Workers
from duologue.state import Task
from duologue.testing import RecordingBot
from duologue.transport._server import serve
from duologue.transport.http import (
    AccessToken,
    AccessTokens,
    AsyncAction,
    actions_application,
    allow_actions,
)
from duologue.transport.http._tokens import digest_of

TOKEN = "a-long-token-of-the-door"  # noqa: S105  # of this test
PNG = b"\x89PNG\r\n\x1a\n and so on"

dispatcher = Dispatcher()


@dispatcher.task
async def count(rows: int, operation: Operation, word: str = "row") -> str:
    """Count rows, as fast as they are told of."""
    for row in range(rows):
        operation.report((row + 1) / rows, f"{word} {row + 1}")
        await asyncio.sleep(1)
    return f"{rows} {word}s"


@dispatcher.task
async def draw() -> bytes:
    return PNG


class Wait:
    """Runs until it is told to stop."""

    async def run(self, operation: Operation) -> None:
        operation.report(0.25, "waiting")
        await operation.stopping()


class Waiting(AsyncAction):
    url = "/waiting"
    shortname = "waiting"
    worker_cls: ClassVar[object] = Wait


async def fail() -> None:
    raise LookupError("no such number")


class Failing(AsyncAction):
    url = "/failing"
    shortname = "failing"
    worker_cls: ClassVar[object] = fail


OFFERED: list[type[AsyncAction] | Task] = [Waiting, Failing, count, draw]
TOKENS = {
    "importer": ("operations.start:*", "operations.read:*", "operations.cancel:*"),
    "watcher": ("operations.read:*", "operations.owner:importer"),
    "counter": ("operations.start:cou*", "operations.read:count"),
}


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found

    def __getitem__(self, name: str) -> object:
        return self.json[name]


class Client:
    """Somebody who uses the door."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, headers: Mapping[str, str]
    ) -> None:
        self.http = http
        self.url = url
        self.headers = headers

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> Said:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(
            method,
            path if "://" in path else self.url + path,
            json=body,
            headers={**self.headers, **named},
            allow_redirects=False,
        ) as answer:
            return Said(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **headers: str) -> Said:
        return await self.ask("GET", path, **headers)

    async def start(self, name: str, **more: object) -> Said:
        return await self.ask("POST", "/operations", {"name": name, **more})

    async def until_done(self, place: str) -> Said:
        while (said := await self.get(place))["isActive"]:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(1)
        return said

    @asynccontextmanager
    async def stream(
        self, path: str, **headers: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(
            self.url + path,
            headers={**self.headers, "Accept": "text/event-stream", **named},
        ) as answer:
            yield answer


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, object]]:
    """The events of a stream, each with its number, and its comments."""
    number = ""
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            number = line[4:]
        elif line.startswith("data: "):
            yield {**json.loads(line[6:]), "event": number}
        elif line.startswith((":", "retry")):
            yield {"comment": line}


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    async with Runtime(dispatcher, [RecordingBot()], polling=None) as running:
        yield running


@pytest.fixture
async def workers(runtime: Runtime) -> Workers:
    return runtime.workers


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    patience = aiohttp.ClientTimeout(total=None)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=patience) as session:
        yield session


@pytest.fixture
async def door(runtime: Runtime) -> web.Application:
    tokens = AccessTokens(
        AccessToken(name, digest_of(f"secret of {name}"), scopes)
        for name, scopes in TOKENS.items()
    )
    return actions_application(
        runtime, OFFERED, token=TOKEN, tokens=tokens, limit=5, streams=3
    )


@pytest.fixture
async def site(door: web.Application) -> AsyncIterator[str]:
    app = web.Application()
    app.add_subapp("/actions", door)
    async with serve(app) as place:
        yield f"{place.url}/actions"


@pytest.fixture
async def program(http: aiohttp.ClientSession, site: str) -> Client:
    """A program with the token that may do everything."""
    return Client(http, site, {"Authorization": f"Bearer {TOKEN}"})


def named(program: Client, name: str) -> Client:
    """A program with a token of its own."""
    headers = {"Authorization": f"Bearer secret of {name}"}
    return Client(program.http, program.url, headers)


def page_of(program: Client, owner: str, *, lifetime: float = 60.0) -> Client:
    """A page that shows the cookie of somebody."""
    response = web.Response()
    allow_actions(response, TOKEN, owner=owner, lifetime=lifetime)
    cookies = "; ".join(
        f"{name}={morsel.value}" for name, morsel in response.cookies.items()
    )
    origin = program.url.removesuffix("/actions")
    return Client(program.http, program.url, {"Cookie": cookies, "Origin": origin})
