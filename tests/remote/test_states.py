"""State and long operations of a bot, reached from other programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from duologue.actors import Operation
from duologue.errors import (
    RemoteRefusedError,
    RuntimeSettingError,
    UnknownMessageError,
    UnknownRefError,
)
from duologue.remote import RemoteRuntime
from duologue.state import AsyncState
from duologue.testing import Playground
from duologue.transport._server import serve
from duologue.transport.http import AccessTokens, AsyncAction, actions_application
from duologue.transport.http._tokens import new_token
from tests.dialogs.test_told import shop
from tests.messages.shop import GetCart

pytestmark = pytest.mark.real_time


class Basket(AsyncState, scope="user"):
    """What a user has chosen."""


class Visits(AsyncState):
    """How often somebody came."""


class Room(AsyncState, scope="chat"):
    """What is known of a chat."""


class Till(AsyncState, scope="bot"):
    """What a bot has earned."""


class Batch(AsyncState, scope="operation"):
    """How far an operation is."""


class Hidden(AsyncState):
    """Is not shown."""


class Count:
    """Counts to three, when it is told to go on."""

    go_on: ClassVar[asyncio.Event]

    async def run(self, operation: Operation) -> str:
        for number in range(1, 4):
            operation.report(number / 4, f"at {number}")
            await asyncio.sleep(0.01)
        await self.go_on.wait()
        return "counted"


class Counting(AsyncAction):
    url = "/counting"
    shortname = "counting"
    worker_cls: ClassVar[object] = Count


cuts: list[int] = []


@web.middleware
async def _cut(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a stream with nothing, as often as a test wants."""
    if request.path.endswith("/events") and cuts:
        cuts.pop()
        return web.Response(status=503)
    return await handler(request)


@asynccontextmanager
async def beside(*scopes: str) -> AsyncGenerator[RemoteRuntime]:
    secret, token = new_token("shop", scopes)
    Count.go_on = asyncio.Event()
    async with Playground(shop()) as chat:
        shown = (Basket, Visits, Room, Till, Batch)
        tokens = AccessTokens([token])
        app = web.Application(middlewares=[_cut])
        app.add_subapp("/refs", chat.runtime.refs(tokens, states=shown))
        app.add_subapp(
            "/actions", actions_application(chat.runtime, [Counting], tokens=tokens)
        )
        async with (
            serve(app) as place,
            RemoteRuntime(
                f"{place.url}/refs",
                token=secret,
                operations=f"{place.url}/actions",
                patience=1,
            ) as remote,
        ):
            yield remote


async def test_state_is_read_and_written_by_its_class_and_place() -> None:
    async with beside("state.read:*", "state.write:*") as remote:
        basket = remote.state(Basket, user_id=7)

        assert await basket.incr("cups") == 1
        assert await basket.incr("cups", 2) == 3
        assert await basket.set(note="for Ann") == {"cups": 3, "note": "for Ann"}
        assert await basket.get("cups") == 3
        assert await remote.state("Basket", bot="test.1", user_id=7).get() == {
            "cups": 3,
            "note": "for Ann",
        }
        assert await remote.state(Basket, user_id=8).get() == {}
        for state in (
            remote.state(Visits),
            remote.state(Room, chat_id=-5),
            remote.state(Till, bot="test.1"),
            remote.state(Batch, operation_id="7"),
        ):
            assert await state.incr("n") == 1
        assert (str(basket), repr(basket)) == (
            "state/Basket::7",
            "<RemoteState state/Basket::7>",
        )


async def test_state_that_is_not_shown_or_not_there_is_refused() -> None:
    async with beside("state.read:*", "ask:*", "tell:*", "message:*") as remote:
        for wrong in (
            remote.state(Hidden),
            remote.state(Basket),
            remote.state(Basket, operation_id="x:y"),
            remote.state(Visits, user_id=7),
        ):
            with pytest.raises(UnknownRefError):
                await wrong.get()
        with pytest.raises(UnknownMessageError):
            await remote.ref("state/Visits").ask(GetCart())
        with pytest.raises(UnknownMessageError):
            await remote.ref("state/Visits").tell(GetCart())
        with pytest.raises(RemoteRefusedError, match="403"):
            await remote.state(Visits).incr("n")


async def test_a_token_that_reads_some_state_reaches_no_other() -> None:
    async with beside("state.read:state/Basket:test.1:7") as remote:
        assert await remote.state(Basket, bot="test.1", user_id=7).get() == {}
        for other in (
            remote.state(Basket, bot="test.1", user_id=77),
            remote.state(Basket, user_id=7),
            remote.state(Visits),
        ):
            with pytest.raises(RemoteRefusedError, match="403"):
                await other.get()


async def test_an_operation_is_pinged_watched_and_stopped() -> None:
    async with beside(
        "operations.start:*", "operations.read:*", "operations.cancel:*"
    ) as remote:
        assert remote._operations is not None
        said = await remote._operations.fetch(
            "POST", "/operations", {"name": "counting"}
        )
        operation = remote.operation(str(said["id"]))

        pinged = await operation.ping()
        seen = []
        async for status in operation.watch():
            seen.append(status)
            if status.text == "at 3":
                await operation.stop("enough")
        last = seen[-1]

        assert pinged.state in {"pending", "running"}
        assert [one.revision for one in seen] == sorted({one.revision for one in seen})
        assert (last.state, last.has_ended) == ("cancelled", True)
        assert last.fields["reason"] == "enough"
        assert "RemoteOperation" in repr(operation)
        with pytest.raises(RemoteRefusedError, match="404"):
            await remote.operation("none").ping()


async def test_watching_goes_on_where_a_stream_is_cut() -> None:
    async with beside("operations.start:*", "operations.read:*") as remote:
        assert remote._operations is not None
        start = {"name": "counting"}
        said = await remote._operations.fetch("POST", "/operations", start)
        operation = remote.operation(str(said["id"]))
        cuts.extend([1, 2])
        texts = []
        async for status in operation.watch():
            texts.append(status.text)
            Count.go_on.set()
        cuts.append(3)
        again = [status.state async for status in operation.watch()]

        assert (cuts, texts[-1]) == ([], "at 3")
        assert again == ["succeeded"]


async def test_threads_have_the_same_calls() -> None:
    async with beside(
        *("state.read:*", "state.write:*", "operations.start:*"),
        *("operations.read:*", "operations.cancel:*"),
    ) as remote:
        assert remote._operations is not None
        start = {"name": "counting"}
        said = await remote._operations.fetch("POST", "/operations", start)
        await remote.close()
        seen = []

        def script() -> None:
            with remote.blocking() as blocking:
                basket = blocking.state(Basket, user_id=7)
                assert basket.incr("cups") == 1
                assert basket.set(note="a") == {"cups": 1, "note": "a"}
                assert (basket.get("cups"), str(basket)) == (1, "state/Basket::7")
                operation = blocking.operation(str(said["id"]))
                assert operation.ping().id == operation.id
                for status in operation.watch():
                    seen.append(status.state)
                    if status.text == "at 3":
                        operation.stop("enough")

        await asyncio.to_thread(script)

        assert seen[-1] == "cancelled"


@pytest.mark.parametrize(
    "remote",
    [
        RemoteRuntime("http://127.0.0.1:9/refs"),
        RemoteRuntime.redis("redis://127.0.0.1:9"),
    ],
    ids=repr,
)
async def test_without_the_door_of_operations_there_are_none(
    remote: RemoteRuntime,
) -> None:
    with pytest.raises(RuntimeSettingError, match=r"over HTTP only.* operations="):
        remote.operation("7")


async def test_operations_are_there_beside_a_stream() -> None:
    async with beside("operations.start:*", "operations.read:*") as other:
        door = other._operations
        assert door is not None
        said = await door.fetch("POST", "/operations", {"name": "counting"})
        stream, token = "redis://127.0.0.1:9", door._headers["Authorization"][7:]
        async with RemoteRuntime.redis(
            stream, operations=door._url, token=token
        ) as remote:
            status = await remote.operation(str(said["id"])).ping()

        assert status.id == said["id"]
