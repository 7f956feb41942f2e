"""A program beside the bot, over HTTP: tells, asks, calls; sends again; keeps its order."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from duologue.dialogs import Dispatcher
from duologue.errors import (
    AskTimeoutError,
    InvalidRefError,
    MessageShapeError,
    NoContextError,
    RemoteRefusedError,
    RemoteUnavailableError,
    RuntimeSettingError,
    UnknownMessageError,
    UnknownRefError,
    UnknownStateError,
)
from duologue.remote import RemoteDialog, RemoteRuntime
from duologue.testing import Playground
from duologue.transport._server import serve
from duologue.transport.http import AccessTokens
from duologue.transport.http._tokens import new_token
from tests.dialogs.test_told import Shop, shop
from tests.messages.shop import Cart, GetCart, OrderPaid

pytestmark = pytest.mark.real_time

ALL = ("tell:*", "ask:*", "dialog:*", "message:*")
Fault = Callable[[web.Request], str]
"""Says what goes wrong with a request: `lost` before, `unheard` behind, a status, or not."""


class Beside:
    """The bot, and the program beside it."""

    def __init__(self, chat: Playground, url: str, token: str) -> None:
        self.chat = chat
        self.url = url
        self.token = token
        self.remote = RemoteRuntime(url, token=token, source="//tests", patience=5)
        self.dialog = self.remote.dialog("test.1", chat_id=1, user_id=1)


@asynccontextmanager
async def beside(
    dispatcher: Dispatcher | None = None, fault: Fault = lambda _: ""
) -> AsyncGenerator[Beside]:
    @web.middleware
    async def fail(request: web.Request, handler: Handler) -> web.StreamResponse:
        what = fault(request)
        if what.isdigit():
            return web.Response(status=int(what), headers={"Retry-After": "0"})
        if what != "lost":
            response = await handler(request)
            if what != "unheard":
                return response
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    secret, token = new_token("shop", ALL)
    async with Playground(dispatcher or shop()) as chat:
        app = web.Application(middlewares=[fail])
        app.add_subapp("/refs", chat.runtime.refs(AccessTokens([token])))
        async with serve(app) as place:
            await (await chat.dialog(1).start(Shop.cart)).drawn()
            program = Beside(chat, f"{place.url}/refs", secret)
            async with program.remote:
                yield program


def paid(number: int) -> OrderPaid:
    return OrderPaid(number, Decimal("1.50"))


async def test_a_dialog_is_told_and_asked() -> None:
    async with beside() as program:
        dialog = program.dialog

        first = await dialog.tell(paid(7), id="seven")
        again = await dialog.tell(paid(7), id="seven")
        cart = await dialog.ask(GetCart(), Cart, timeout=2)

        assert (first.id, first.is_duplicate, again.is_duplicate) == (
            "seven",
            False,
            True,
        )
        assert cart == Cart(["7"])
        assert await dialog.ask(GetCart()) == {"items": ["7"]}


async def test_the_calls_have_receipts_with_outcomes_and_errors() -> None:
    async with beside() as program:
        dialog = program.dialog

        done = await (await dialog.start(Shop.paid, {"n": 1}, mode="reset_stack"))
        await (await dialog.update({"n": 2}, id="two"))
        again = await (await dialog.update({"n": 2}, id="two"))
        await (await dialog.switch_to("Shop:cart", show_mode="send"))
        closed = await dialog.done("result")
        assert closed.id in repr(closed)

        assert (done.status, again.status) == ("committed", "duplicate")
        assert (await closed).version
        receipt = await dialog.update({"n": 3})
        with pytest.raises(NoContextError) as caught:
            await receipt
        assert caught.value.address == "dialog/test.1:1:1"
        with pytest.raises(UnknownStateError):
            _receipt = await dialog.start("Shop:lost")


async def test_what_is_refused_is_raised_as_beside_the_bot() -> None:
    async with beside() as program:
        with pytest.raises(UnknownMessageError):
            await program.dialog.tell(GetCart())
        with pytest.raises(UnknownRefError):
            await program.remote.dialog("test.1", chat_id=2, user_id=2).tell(paid(1))
        with pytest.raises(UnknownRefError):
            await program.remote.actor("Resizer", "7").tell(paid(1))
        with pytest.raises(MessageShapeError):
            await program.dialog.ask(GetCart(), OrderPaid)
        async with RemoteRuntime(program.url) as stranger:
            with pytest.raises(RemoteRefusedError, match="401"):
                await stranger.ref("dialog/test.1:1:1").tell(paid(1))


@pytest.mark.parametrize("what", ["lost", "unheard", "503", "429", "502"])
async def test_what_may_not_have_arrived_is_sent_again_and_handled_once(
    what: str,
) -> None:
    count = 0

    def fault(request: web.Request) -> str:
        nonlocal count
        count += request.method == "POST"
        return what if request.path.endswith("messages") and count % 2 else ""

    async with beside(fault=fault) as program:
        for number in range(1, 6):
            await program.dialog.tell(paid(number))
        outcome = await (await program.dialog.update({"n": 1}))

        assert await program.dialog.ask(GetCart()) == {"items": list("12345")}
        assert outcome.status in {"committed", "duplicate"}
        assert count > 10


async def test_a_receipt_that_is_forgotten_is_made_up_for() -> None:
    @web.middleware
    async def forget(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "/receipts/" in request.path:
            said = {"error": "OutcomeUnknownError"}
            return web.json_response(said, status=404)
        return await handler(request)

    begin, secret_and_token = asyncio.Event(), new_token("shop", ALL)
    dispatcher = shop()

    @dispatcher.observers["dialog_update"].outer_middleware
    async def slowly(handler, event, data):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        await begin.wait()
        return await handler(event, data)

    async with Playground(dispatcher) as chat:
        app = web.Application(middlewares=[forget])
        app.add_subapp("/refs", chat.runtime.refs(AccessTokens([secret_and_token[1]])))
        async with (
            serve(app) as place,
            RemoteRuntime(f"{place.url}/refs", token=secret_and_token[0]) as remote,
        ):
            begin.set()
            await (await chat.dialog(1).start(Shop.cart)).drawn()
            begin.clear()
            receipt = await remote.dialog("test.1", chat_id=1, user_id=1).update(
                {"n": 1}
            )
            begin.set()
            result = await receipt

            assert result.status == "duplicate"


async def test_a_bot_that_cannot_be_reached_is_told_of_in_the_end() -> None:
    remote = RemoteRuntime("http://127.0.0.1:9/refs", patience=0.3)
    async with remote:
        with pytest.raises(RemoteUnavailableError, match="same id"):
            await remote.ref("dialog/test.1:1:1").tell(paid(1))
        with pytest.raises(RemoteUnavailableError):
            await remote.ref("dialog/test.1:1:1").ask(GetCart(), timeout=30)


async def test_an_answer_that_does_not_come_in_time_is_not_waited_for() -> None:
    dispatcher, go_on = shop(), asyncio.Event()

    @dispatcher.asked.outer_middleware
    async def slowly(handler, event, data):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        await go_on.wait()
        return await handler(event, data)

    async with beside(dispatcher) as program:
        with pytest.raises(AskTimeoutError, match=r"0\.2 s"):
            await program.dialog.ask(GetCart(), timeout=0.2)
        go_on.set()


async def test_an_error_of_the_handler_has_its_name_and_no_text() -> None:
    dispatcher = shop()

    @dispatcher.asked(OrderPaid)
    async def fail(order: OrderPaid) -> None:
        raise LookupError(order)

    async with beside(dispatcher) as program:
        with pytest.raises(RemoteRefusedError, match="500: LookupError the handler"):
            await program.dialog.ask(paid(1))


async def test_a_question_whose_answer_is_lost_is_not_asked_again() -> None:
    asked = 0

    def fault(request: web.Request) -> str:
        nonlocal asked
        asked += request.path.endswith("asks")
        return "unheard" if request.path.endswith("asks") else ""

    async with beside(fault=fault) as program:
        with pytest.raises(AskTimeoutError):
            await program.dialog.ask(GetCart(), timeout=2)

    assert asked == 1


async def test_what_is_told_at_once_arrives_in_its_order() -> None:
    seen = 0

    def fault(_: web.Request) -> str:
        nonlocal seen
        seen += 1
        return "503" if seen % 3 == 1 else ""

    async with beside(fault=fault) as program:
        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(program.dialog.tell(paid(number)))

        cart = await program.dialog.ask(GetCart(), Cart)
        assert cart.items == [str(number) for number in range(30)]


def test_refs_are_values() -> None:
    remote = RemoteRuntime("https://bot.internal/refs")
    dialog = remote.dialog("max.42", chat_id=5, user_id=5)

    assert str(dialog) == "dialog/max.42:5:5"
    assert remote.ref(str(dialog)) == dialog
    assert isinstance(remote.ref(str(dialog)), RemoteDialog)
    assert len({dialog, remote.ref(str(dialog)), remote.actor("A", "1")}) == 2
    assert repr(dialog) == "<RemoteDialog dialog/max.42:5:5>"
    assert repr(remote) == "<RemoteRuntime https://bot.internal/refs>"
    with pytest.raises(InvalidRefError):
        remote.dialog("max", chat_id=5)
    with pytest.raises(RuntimeSettingError):
        RemoteRuntime("bot.internal")
    with pytest.raises(TypeError, match=r"remote\.ref\('dialog/max\.42:5:5'\)"):
        pickle.dumps(dialog)


async def test_threads_have_the_same_calls() -> None:
    async with beside() as program:
        found: list[object] = []

        def script() -> None:
            remote = RemoteRuntime(program.url, token=program.token)
            with remote.blocking() as blocking:
                dialog = blocking.ref("dialog/test.1:1:1")
                assert dialog == blocking.dialog("test.1", chat_id=1, user_id=1)
                assert (str(dialog), hash(dialog)) == (
                    "dialog/test.1:1:1",
                    hash(dialog),
                )
                found.append(dialog.tell(paid(7)).is_duplicate)
                found.append(dialog.update({"n": 1}).wait(5).status)
                found.append(dialog.switch_to(Shop.paid).wait().status)
                found.append(dialog.ask(GetCart(), Cart))
                found.append(dialog.start("Shop:cart").id != "")
                found.append(dialog.done().wait().status)
                with pytest.raises(TypeError, match="no dialog"):
                    blocking.actor("A", "1").update({})
                with pytest.raises(UnknownMessageError):
                    dialog.tell(GetCart())
                assert "dialog/test.1:1:1" in repr(dialog)

        await asyncio.to_thread(script)

        assert found == [
            False,
            "committed",
            "committed",
            Cart(["7"]),
            True,
            "committed",
        ]
        assert not [t for t in threading.enumerate() if t.name == "duologue.remote"]


def test_it_needs_neither_dialogs_nor_actors() -> None:
    script = (
        "import sys, duologue.remote\n"
        "bad = [m for m in sys.modules if m.startswith(('duologue.dialogs', "
        "'duologue.actors', 'duologue.state', 'pykka', 'prometheus'))]\n"
        "print(bad)"
    )
    done = subprocess.run(  # noqa: S603  # of this test
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
