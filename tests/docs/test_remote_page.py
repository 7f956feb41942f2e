"""docs/remote.md: its programs and listings, run as they stand there."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import runpy
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import ClassVar

import aiohttp
import attrs
import pytest
from aiohttp import web

from duologue import Dispatcher, Router, Runtime
from duologue.actors import ActorSystem, Operation
from duologue.dialogs import Dialog, DialogManager, Window
from duologue.dialogs.widgets.text import Format
from duologue.errors import UnknownRefError
from duologue.messages import Messages, Signer, dump, message
from duologue.remote import RemoteRuntime
from duologue.state import AsyncState
from duologue.testing import Playground, RecordingBot
from duologue.transport._server import serve
from duologue.transport.http import (
    AccessTokens,
    AsyncAction,
    actions_application,
)
from duologue.transport.http._tokens import new_token, write_tokens
from duologue.transport.sandbox import Sandbox
from tests.dialogs.test_told import Shop, shop
from tests.docs.conftest import running
from tests.messages.shop import Cart, GetCart, OrderPaid
from tests.programs import installed
from tests.servers import server, valkey_program

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/remote.md").read_text("utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS: list[str] = [text for kind, text in FENCED if kind == "python"]
SHELL: list[str] = [text for kind, text in FENCED if kind == "bash"]
VERBS = (
    "tell ask dialog message state.read state.write operations.start operations.read"
)
ALL = tuple(f"{verb}:*" for verb in VERBS.split())
SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105  # of this test

pytestmark = pytest.mark.real_time


def listing(having: str) -> str:
    """The one listing that has a text."""
    (found,) = (text for text in BLOCKS if having in text)
    return found


async def run(text: str, **names: object) -> dict[str, object]:
    """Run a listing; give what it has named."""
    given = {"__name__": __name__, **names}
    code = compile(text, "remote.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = FunctionType(code, given)()
    if done is not None:
        await done
    return given


async def shell(words: str, name: str, value: str = SECRET) -> str:
    """Run commands of the page, with something in their environment."""
    process = await asyncio.create_subprocess_exec(
        *(installed("bash"), "-c", words),
        env={**os.environ, name: value},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the first programs, and with a token."""
    port, (secret, one) = str(free_port()), new_token("shop", ALL)
    (tmp_path / ".duologue").mkdir()
    write_tokens(tmp_path / ".duologue/tokens.json", [one])
    for name, text in zip(("shop", "bot", "tell"), BLOCKS, strict=False):
        (tmp_path / f"{name}.py").write_text(text.replace("8090", port), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TOKEN", secret)
    return tmp_path


async def test_the_first_programs_do_what_the_page_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sandbox() as sandbox, running(folder, "bot.py", sandbox=sandbox):
        control = sandbox.control()
        ann = await control.add_user("Ann")
        await control.say(ann, "hello")
        said = await control.wait_for(
            lambda entry: "reach you" in (entry.text or ""), timeout=60
        )
        ref = (said.text or "").rpartition(" ")[2]
        tell = runpy.run_path(str(folder / "tell.py"))["main"]
        for _ in range(2):
            await tell(ref, 7)
        await control.wait_for(lambda entry: entry.text == "paid: [7]")

    assert capsys.readouterr().out == "[7]\n[7]\n"
    assert ref in SHELL[0]


async def test_a_class_of_attrs_is_a_message() -> None:
    names = await run(
        listing("@attrs.frozen"), message=message, attrs=attrs, Decimal=Decimal
    )

    placed = names["OrderPlaced"]
    assert isinstance(placed, type)
    tag, data = dump(placed(7, Decimal("19.90")))
    assert Messages([placed]).load(tag, data) == placed(7, Decimal("19.90"))


async def test_a_handler_is_told_while_its_dialog_is_open() -> None:
    router = Router()
    names = {"router": router, "OrderPaid": OrderPaid, "DialogManager": DialogManager}
    await run(listing("@router.told"), **names)
    dispatcher = Dispatcher()
    window = Window(Format("{dialog_data}"), state=Shop.cart)
    dispatcher.include_routers(router, Dialog(window))
    async with Playground(dispatcher) as chat, beside(chat) as remote:
        await (await chat.dialog(1).start(Shop.cart)).drawn()
        await remote.dialog("test.1", chat_id=1, user_id=1).tell(OrderPaid(7))
        await chat.settled()

        assert chat.screen(1).text == "{'paid': 7}"


@asynccontextmanager
async def beside(chat: Playground) -> AsyncGenerator[RemoteRuntime]:
    """A program beside a bot, with a token of everything."""
    secret, one = new_token("shop", ALL)
    async with (
        serve(chat.runtime.refs(AccessTokens([one]))) as place,
        RemoteRuntime(place.url, token=secret) as remote,
    ):
        yield remote


async def test_the_other_program_has_the_calls_of_the_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app, (secret, one) = web.Application(), new_token("shop", ALL)
    tokens = {".duologue/tokens.json": AccessTokens([one])}
    async with Playground(shop(), bot=RecordingBot(42)) as chat:
        await (await chat.dialog(5).start(Shop.cart)).drawn()
        await run(
            listing("# what `duologue token new` writes"),
            AccessTokenFile=tokens.__getitem__,
            app=app,
            runtime=chat.runtime,
        )
        async with serve(app) as place:
            text = listing("//shop/orders").replace("https://bot.internal", place.url)
            found = await run(
                text.replace("max.42", "test.42"),
                RemoteRuntime=RemoteRuntime,
                token=secret,
                OrderPaid=OrderPaid,
                GetCart=GetCart,
                Cart=Cart,
            )
            words = SHELL[2].replace("https://bot.internal", place.url)
            told = await shell(words.replace("max.42", "test.42"), "TOKEN", secret)
            assert json.loads(told)["status"] == "committed"

    assert found["cart"] == Cart(["88123"])
    assert capsys.readouterr().out == "dialog/test.42:5:5\ncommitted\n"


async def test_the_streams_are_read_as_the_page_says(tmp_path: Path) -> None:
    url = f"{server(valkey_program()).url}?namespace={tmp_path.name}"
    bot = RecordingBot()
    text = listing("runtime.stream_refs(").replace("redis://127.0.0.1", url)
    reading = asyncio.get_running_loop().create_task(
        run(
            text,
            dispatcher=shop(),
            bot=bot,
            Runtime=partial(Runtime, polling=None),
            Signer=Signer,
            secret=SECRET,
        )
    )
    async with RemoteRuntime.redis(url, secret=SECRET) as remote:
        with pytest.raises(UnknownRefError, match="never met"):
            await remote.dialog("test.1", chat_id=1).ask(GetCart())
        kept = server(valkey_program())
        cli = f"{installed('redis-cli', 'valkey-cli')} -s {kept.socket}"
        words = SHELL[1].replace("redis-cli", cli).replace("max.42:5:5", "test.1:1:1")
        await shell(words.replace("{main:09}", f"{{{tmp_path.name}:08}}"), "SECRET")
        aside = f"duologue:{{{tmp_path.name}:08}}:aside"
        while kept.ask("XLEN", aside) != b":2\r\n":  # noqa: ASYNC110  # elsewhere
            await asyncio.sleep(0.02)
        assert kept.ask("XRANGE", aside, "-", "+").count(b"never met") == 2
    reading.cancel()
    await asyncio.wait([reading])


async def test_actors_are_reached_by_their_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    worker = runpy.run_path(str(ROOT / "examples/remote_worker.py"))
    secret, one = new_token("shop", ALL)
    app = web.Application()
    async with ActorSystem() as system:
        names = {**worker, "system": system, "app": app, "tokens": AccessTokens([one])}
        await run(listing("directory.expose("), **names)
        async with (
            serve(app) as place,
            RemoteRuntime(f"{place.url}/refs", token=secret) as remote,
        ):
            await run(listing('"pictures/7"'), **names, remote=remote)

    assert capsys.readouterr().out == "200\n"


class Basket(AsyncState, scope="user"):
    pass


class Count:
    async def run(self, operation: Operation) -> None:
        operation.report(0.5, "half")


class Counting(AsyncAction):
    url = "/counting"
    shortname = "counting"
    worker_cls: ClassVar[object] = Count


async def test_state_and_operations_are_reached(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app, (secret, one) = web.Application(), new_token("shop", ALL)
    async with Playground(shop()) as chat:
        await run(
            listing("Only these classes"),
            app=app,
            runtime=chat.runtime,
            tokens=AccessTokens([one]),
            Basket=Basket,
            actions=[Counting],
            actions_application=actions_application,
        )
        async with serve(app) as place, aiohttp.ClientSession() as http:
            answer = await http.post(
                f"{place.url}/actions/operations",
                json={"name": "counting"},
                headers={"Authorization": f"Bearer {secret}"},
            )
            text = listing("remote.operation(")
            names = await run(
                text.replace("https://bot.internal", place.url),
                RemoteRuntime=RemoteRuntime,
                token=secret,
                Basket=Basket,
                operation_id=(await answer.json())["id"],
            )
            remote = names["remote"]
            assert isinstance(remote, RemoteRuntime)
            await remote.close()

    first, second, state, *_, last = capsys.readouterr().out.splitlines()
    assert (first, second) == ("1", "1 {'cups': 1}")
    assert state in {"pending", "running", "succeeded"}
    assert last.startswith(("0.5", "1.0", "None"))
