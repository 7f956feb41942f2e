"""docs/webhooks.md: its programs, and the examples that it names."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import aiohttp
import pytest
from aiohttp import web

from duologue import Dispatcher, Runtime
from duologue.dialogs import MessageCreated
from duologue.transport._server import BODY_LIMIT, serve
from duologue.transport.max import Bot
from duologue.transport.sandbox import Sandbox
from duologue.transport.webhook._door import BODY_TIME
from duologue.transport.webhook._reception import PATIENCE, WINDOW
from tests.docs.conftest import running

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/webhooks.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
NGINX = (ROOT / "deploy/nginx.conf").read_text("utf-8")

pytestmark = pytest.mark.real_time

Message: TypeAlias = MutableMapping[str, object]
App: TypeAlias = Callable[
    [
        MutableMapping[str, object],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]


async def call(app: App, body: bytes, secret: str) -> int:
    """Bring a body to an ASGI application, as a server does."""
    answers: list[Message] = []
    scope: dict[str, object] = {
        "type": "http",
        "method": "POST",
        "path": "/max",
        "raw_path": b"/max",
        "query_string": b"",
        "headers": [(b"x-max-bot-api-secret", secret.encode())],
        "http_version": "1.1",
        "scheme": "http",
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    await app(scope, receive, send)
    status = answers[0]["status"]
    assert isinstance(status, int)
    return status


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """Start an ASGI application, and stop it at the end of the block."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan"}, told.get, said.put))  # noqa: TID251  # awaited below
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    yield
    await told.put({"type": "lifespan.shutdown"})
    assert (await said.get())["type"] == "lifespan.shutdown.complete"
    await task


def message(text: str) -> bytes:
    """An update in a private chat."""
    user = {"user_id": 7, "name": "Ann", "first_name": "Ann", "is_bot": False}
    return json.dumps(
        {
            "update_type": "message_created",
            "timestamp": 1,
            "message": {
                "recipient": {"chat_id": 500, "chat_type": "dialog", "user_id": 1},
                "timestamp": 1,
                "body": {"mid": f"mid.{text}", "seq": 1, "text": text},
                "sender": user,
            },
        }
    ).encode()


def make(code: str, folder: Path) -> ModuleType:
    """Make a module of a listing, whose annotations its libraries look up."""
    path = folder / "listing.py"
    path.write_text(code, "utf-8")
    spec = importlib.util.spec_from_file_location("listing", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running_:
        yield running_


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def dispatcher(heard: list[str]) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def note(message: MessageCreated) -> None:
        heard.append(message.text)
        await message.answer(f"heard {message.text}")

    return dispatcher


def test_the_page_has_the_programs_that_are_played_here() -> None:
    assert len(BLOCKS) == 3


async def test_the_first_program_echoes_what_max_brings_until_a_signal(
    sandbox: Sandbox,
    tmp_path: Path,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = BLOCKS[0].replace("port=8080", f"port={unused_tcp_port}")
    (tmp_path / "program.py").write_text(code, "utf-8")
    url = f"http://127.0.0.1:{unused_tcp_port}/max"
    monkeypatch.setenv("WEBHOOK_URL", url)
    control = sandbox.control()
    ann = await control.add_user("Ann")
    async with running(tmp_path, "program.py", sandbox=sandbox) as process:
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        while not await control.webhooks():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
        await control.say(ann, "hello")
        await control.wait_for(
            lambda entry: entry.kind == "message" and entry.text == "hello", timeout=60
        )
        process.send_signal(signal.SIGTERM)
        status = await process.wait()

    assert line.startswith("taking updates in as max.777001")
    assert status == 0
    assert [hook.url for hook in await control.webhooks()] == [url]


async def test_the_aiohttp_application_mounts_the_door(
    dispatcher: Dispatcher,
    sandbox: Sandbox,
    tmp_path: Path,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUOLOGUE_STATE_DIR", str(tmp_path))
    bot = Bot(sandbox.token, base_url=sandbox.url)
    control = sandbox.control()
    url = f"http://127.0.0.1:{unused_tcp_port}/max"
    app: web.Application = make(BLOCKS[1], tmp_path).make_app(dispatcher, bot, url)

    async with serve(app, port=unused_tcp_port):
        while not await control.webhooks():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
        await control.say(await control.add_user("Ann"), "hello")
        await control.wait_for(lambda entry: entry.text == "heard hello", timeout=60)


async def test_the_asgi_application_takes_bodies_with_the_secret(
    dispatcher: Dispatcher, sandbox: Sandbox, heard: list[str], tmp_path: Path
) -> None:
    fastapi = importlib.import_module("fastapi")
    bot = Bot(sandbox.token, base_url=sandbox.url)
    runtime = Runtime(
        dispatcher, [bot], engine="sqlite", polling=None, state_dir=tmp_path
    )
    app = fastapi.FastAPI()
    make(BLOCKS[2], tmp_path).add_webhook(app, runtime, bot)

    async with runtime:
        statuses = [
            await call(app, message("hello"), bot.own_secret()),
            await call(app, message("stranger"), "wrong"),
            await call(app, b"{}", bot.own_secret()),
        ]
        await runtime.settled()

    assert statuses == [200, 401, 200]
    assert heard == ["hello"]


async def test_the_fastapi_example_sets_its_webhook_and_answers(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings: Mapping[str, str] = {
        "DUOLOGUE_MAX_TOKEN": sandbox.token,
        "DUOLOGUE_MAX_URL": sandbox.url,
        "DUOLOGUE_STATE_DIR": str(tmp_path),
        "WEBHOOK_URL": "https://bot.example/max",
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    code = (ROOT / "examples/webhook_fastapi.py").read_text("utf-8")
    program = make(code, tmp_path)
    secret = program.bot.own_secret()

    early = await call(program.app, message("early"), secret)
    async with lifespan(program.app):
        hooks = await sandbox.control().webhooks()
        taken = await call(program.app, message("hello"), secret)
        broken = await call(program.app, b"{", secret)
        stranger = await call(program.app, message("hello"), "wrong")

    assert [hook.url for hook in hooks] == ["https://bot.example/max"]
    assert (early, taken, broken, stranger) == (503, 200, 200, 401)


async def test_the_numbers_of_the_page_and_of_nginx_are_those_of_the_code() -> None:
    assert f"{WINDOW} updates wait already" in PAGE
    assert f"the turn took more than {PATIENCE:g} s" in PAGE
    assert f"the body took more than {BODY_TIME:g} s" in PAGE
    assert "longer than 1 MiB" in PAGE
    assert BODY_LIMIT == 1024 * 1024
    assert "client_max_body_size 1m;" in NGINX
    limits = re.findall(r"proxy_read_timeout (\d+)s;", NGINX + PAGE)
    assert all(int(limit) > PATIENCE for limit in limits)
    assert len(limits) == 2


async def test_a_refusal_of_the_door_has_no_body_that_tells_anything(
    dispatcher: Dispatcher, sandbox: Sandbox, tmp_path: Path
) -> None:
    bot = Bot(sandbox.token, base_url=sandbox.url)
    runtime = Runtime(dispatcher, [bot], state_dir=tmp_path)
    async with (
        serve(runtime.webhook(bot)) as place,
        aiohttp.ClientSession() as session,
        session.post(place.url, data=b"{}") as response,
    ):
        said = await response.text()

    assert (response.status, said) == (401, "")
